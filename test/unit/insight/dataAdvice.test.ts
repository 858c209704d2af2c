import { describe, expect, test } from 'vitest';
import { parseExperiment } from '../../../src/experiment/parse';
import { applyEdits } from '../../../src/experiment/text/textEdits';
import { type DataFinding, dataAdvice } from '../../../src/insight/dataAdvice';
import type { SourceFacts } from '../../../src/recipe/datasets';
import { sourceFacts } from '../../support/sourceFacts';

const BALANCED = sourceFacts({ trainCounts: [450, 450] });
const file = (data: string, rest = '') =>
  `name: photos\ndata:\n  dataset: image_folder\n  path: photos\n  image_size: 224\n${data}model: { name: resnet18 }\n${rest}`;

function adviceOf(text: string, facts: SourceFacts | null = BALANCED, findings: readonly DataFinding[] = []) {
  const parsed = parseExperiment(text, 'a.experiment.yaml', [], 'train', () => facts);
  if (!parsed.ok && !parsed.unindexed) throw new Error(JSON.stringify(parsed.problems));
  return dataAdvice(parsed, findings).map((advice) => ({
    ...advice,
    line: advice.range.start.line,
    /** The text after each fix, by the fix's title. */
    fixed: Object.fromEntries(
      advice.fixes.map(({ title, edits }) => {
        const result = edits();
        if (!result.ok) throw new Error(result.reason);
        return [title, applyEdits(text, result.edits)];
      }),
    ),
  }));
}

describe('advice on images', () => {
  test('is none if they fit, or if they are not indexed', () => {
    expect(adviceOf(file(''))).toEqual([]);
    expect(adviceOf(file('  mean: 0\n'), null)).toEqual([]);
  });

  test('removes the mean and deviation of other images', () => {
    const imagenet = file('  mean: [0.485, 0.456, 0.406]\n  std: [0.229, 0.224, 0.225]\n');
    expect(adviceOf(imagenet)).toEqual([]);
    const [advice, ...others] = adviceOf(file('  mean: [0.5, 0.5, 0.5]\n  std: [0.5, 0.5, 0.5]\n'));
    expect(others).toEqual([]);
    expect(advice).toMatchObject({ severity: 'hint', line: 5 });
    expect(advice?.what).toBe('data.mean does not match the training images (0.48, 0.46, 0.41).');
    expect(advice?.fixed).toEqual({ 'Use the mean and std of the images': file('') });
  });

  test('keeps the mean and deviation of pretrained weights', () => {
    const text = file('  mean: 0.5\n  std: 0.5\n', 'init: weights.safetensors\n');
    expect(adviceOf(text)).toEqual([]);
  });

  test('is to draw or weight classes equally if one has three times the images of another', () => {
    const facts = sourceFacts({ trainCounts: [600, 200] });
    const [advice, ...others] = adviceOf(file(''), facts);
    expect(others).toEqual([]);
    expect(advice).toMatchObject({ severity: 'hint', line: 3 });
    expect(advice?.what).toBe('The largest class has 3 times the training images of the smallest.');
    for (const text of Object.values(advice?.fixed ?? {})) expect(adviceOf(text, facts)).toEqual([]);
    expect(advice?.fixed['Sample all classes equally often']).toContain('  sampling: balanced\n');
    expect(advice?.fixed['Weight classes in the loss']).toContain('loss:\n  class_weights: balanced\n');
    expect(adviceOf(file(''), sourceFacts({ trainCounts: [599, 200] }))).toEqual([]);
  });

  test('ignores classes without images in their comparison', () => {
    expect(
      adviceOf(file(''), sourceFacts({ trainCounts: [450, 450, 0], classNames: ['a', 'b', 'c'] })),
    ).toEqual([]);
  });

  test('is a smaller size if images would be enlarged', () => {
    const small = { min: 100, p05: 120, median: 150, p95: 180, max: 200 };
    const facts = { ...BALANCED, height: small, width: small, shortEdge: small };
    const [advice, ...others] = adviceOf(file(''), facts);
    expect(others).toEqual([]);
    expect(advice).toMatchObject({ severity: 'hint', line: 4 });
    expect(Object.values(advice?.fixed ?? {})).toEqual([file('').replace('224', '128')]);
    const withoutSize = file('').replace('  image_size: 224\n', '');
    const [unwritten] = adviceOf(withoutSize, facts);
    expect(Object.values(unwritten?.fixed ?? {})[0]).toContain('  image_size: 128\n');
  });

  test('warns about problems that the index found, and offers to skip unreadable images', () => {
    const findings: DataFinding[] = [
      {
        severity: 'warning',
        kind: 'unreadable',
        where: ['/photos/cat/1.jpg: the file is empty'],
        what: '2 images cannot be read.',
        remedy: 'Delete them.',
      },
      { severity: 'warning', kind: 'leak', where: [], what: 'A copy.', remedy: 'Delete it.' },
    ];
    const [unreadable, leak] = adviceOf(file(''), BALANCED, findings);
    expect(unreadable).toMatchObject({ severity: 'warning', line: 3 });
    expect(unreadable?.what).toBe(
      '2 images cannot be read. For example: /photos/cat/1.jpg: the file is empty.',
    );
    expect(leak).toMatchObject({ severity: 'warning', line: 3, what: 'A copy.', fixes: [] });
    const skipping = unreadable?.fixed['Skip unreadable images'] ?? '';
    expect(skipping).toContain('  on_bad_image: skip\n');
    expect(adviceOf(skipping, BALANCED, findings).map(({ what }) => what)).toEqual(['A copy.']);
  });

  test('is placed at the data set if no path is written', () => {
    const findings: DataFinding[] = [
      { severity: 'warning', kind: 'leak', where: [], what: 'A copy.', remedy: 'Delete it.' },
    ];
    const text = 'name: a\ndata:\n  dataset: cifar10\nmodel: { name: resnet20 }\n';
    const square = { min: 32, p05: 32, median: 32, p95: 32, max: 32 };
    const facts = {
      ...BALANCED,
      dataset: 'cifar10' as const,
      height: square,
      width: square,
      shortEdge: square,
    };
    expect(adviceOf(text, facts, findings)).toMatchObject([{ line: 2 }]);
  });
});
