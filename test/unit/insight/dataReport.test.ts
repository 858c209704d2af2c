import { describe, expect, test } from 'vitest';
import type { DatasetIndex } from '../../../src/datasets/index/datasetIndex';
import { dataReport, type IndexedData, indexSummary } from '../../../src/insight/dataReport';
import { sourceFacts } from '../../support/sourceFacts';

const NONE = { count: 0, pairs: [] };
const INDEX = {
  facts: sourceFacts(),
  report: {
    validationCounts: [60, 40],
    testCounts: [],
    bytes: 3 * 2 ** 20,
    decoded: 1000,
    imbalance: 2,
    unreadable: { count: 0, images: [] },
    copiesWithin: NONE,
    copiesAcross: NONE,
    copiesMislabelled: NONE,
    nearCopiesAcross: { ...NONE, compared: 0 },
    problems: [],
  },
  scannedAt: Date.UTC(2026, 10, 29),
} satisfies IndexedData & Pick<DatasetIndex, 'report'>;

describe('the report of an index', () => {
  test('has the counts, the classes from the largest on, and the sizes', () => {
    const text = dataReport('photos', ['/my_photos'], INDEX, 0);
    expect(text).toContain('# photos\n\n_/my\\_photos_\n\n1,000 images in 2 classes.\n');
    expect(text).toContain(
      '| Class | Training | Validation |\n| --- | --: | --: |\n| cat | 600 | 60 |\n| dog | 300 | 40 |\n',
    );
    expect(text).toContain(
      '| Short edge | 420 pixels (median); 5% below 360, 95% below 500; from 300 to 640 |',
    );
    expect(text).toContain('| Mean | 0.4800, 0.4600, 0.4100 |');
    expect(text).not.toMatch(/Test|Unreadable|Copies|Decoded/);
  });

  test('has the problems of the images, with names escaped for Markdown', () => {
    const index: IndexedData = {
      ...INDEX,
      facts: sourceFacts({ classNames: ['a|b', '<c>'], testImages: 50 }),
      report: {
        ...INDEX.report,
        testCounts: [20, 30],
        decoded: 900,
        unreadable: { count: 102, images: [{ name: 'x_1.jpg', reason: 'It is empty.' }] },
        copiesAcross: { count: 1, pairs: [['train/1.jpg', 'validation/[2](3).jpg']] },
        problems: [
          { severity: 'warning', kind: 'leak', where: [], what: 'One is a copy.', remedy: 'Delete it.' },
        ],
      },
    };
    const text = dataReport('photos', [], index, 3);
    expect(indexSummary(index)).toBe('1,050 images in 2 classes; 102 more cannot be read.');
    expect(text).toContain('> **Warning:** One is a copy. Delete it.');
    expect(text).toContain('| Test images | 50; evaluated 3 times |');
    expect(text).toContain('| a\\|b | 600 | 60 | 20 |');
    expect(text).toContain('| \\<c\\> | 300 | 40 | 30 |');
    expect(text).toContain('## Unreadable images (102)');
    expect(text).toContain('| x\\_1.jpg | It is empty. |');
    expect(text).toContain('And 101 more.');
    expect(text).toContain('## Copies in another split (1)');
    expect(text).toContain('| validation/\\[2\\](3).jpg | train/1.jpg |');
    expect(text).toContain('| Decoded | 900 of 1,050 images |');
  });

  test('lists at most 200 classes', () => {
    const classNames = Array.from({ length: 1000 }, (_, label) => `class ${label}`);
    const text = dataReport('many', [], { ...INDEX, facts: sourceFacts({ classNames, trainCounts: [] }) }, 0);
    expect(text).toContain('And 800 more classes.');
    expect(text.split('\n').filter((line) => line.startsWith('| class')).length).toBe(200);
  });
});
