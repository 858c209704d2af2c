import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { listDataset } from '../../../src/datasets/list';
import type { ListedDataset } from '../../../src/datasets/listing';
import { NameIndex } from '../../../src/datasets/nameIndex';
import type { OwnDatasetRequest } from '../../../src/recipe/datasets';
import { UserError } from '../../../src/shared/userError';
import { imagesOf, problemsOf, testFolder } from './folders';

const folder = testFolder();
type Request = Extract<OwnDatasetRequest, { dataset: 'csv' }>;

async function list(
  text: string | Uint8Array,
  options: Partial<Request> = {},
  onProgress?: (what: string, share: number | null) => void,
): Promise<ListedDataset> {
  await writeFile(join(folder.path, 'labels.csv'), text);
  const request: Request = {
    ...{ dataset: 'csv', path: 'labels.csv', image_column: 'path', label_column: 'label' },
    split: { validation: 0.4, seed: 0 },
    ...options,
  };
  return listDataset(request, { folder: folder.path, cacheFolder: folder.path, onProgress });
}

async function failureOf(work: Promise<unknown>) {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).failure;
}

const SPLIT_COLUMN = { split_column: 'split' } as const;
const errorsOf = ({ problems }: ListedDataset) => problems.filter(({ severity }) => severity === 'error');

describe('a table of images', () => {
  test('lists them by column names, in splits that a column names', async () => {
    const listed = await list(
      `${[
        ...['id,label,path,split', '1,dog,a/1.jpg,train', '2,cat,a/2.jpg,TRAIN', '3,cat,3.jpg,val'],
        ...['4,dog,4.jpg,Valid', '5,cat,5.jpg,validation', '6,dog,6.jpg,Test'],
      ].join('\n')}\n`,
      SPLIT_COLUMN,
    );
    expect(listed.classNames).toEqual(['cat', 'dog']);
    expect(imagesOf(listed, listed.train)).toEqual(['a/1.jpg: dog', 'a/2.jpg: cat']);
    expect(imagesOf(listed, listed.validation)).toEqual(['3.jpg: cat', '4.jpg: dog', '5.jpg: cat']);
    expect(imagesOf(listed, listed.test)).toEqual(['6.jpg: dog']);
    expect(listed.train).toMatchObject({ kind: 'files', root: folder.path });
    expect(listed.problems).toEqual([]);
  });

  test.each([
    ['commas', 'path,label\n1.jpg,a\n2.jpg,b\n'],
    ['semicolons', 'path;label\n1.jpg;a\n2.jpg;b\n'],
    ['tabs', 'path\tlabel\n1.jpg\ta\n2.jpg\tb\n'],
    ['a byte order mark', '\ufeffpath,label\n1.jpg,a\n2.jpg,b\n'],
    ['lines of Windows, and empty ones', 'path,label\r\n\r\n1.jpg,a\r\n,\r\n2.jpg,b\r\n\r\n'],
    ['quotes', '"path","label"\n"1.jpg","a"\n"2.jpg",b\n'],
    ['spaces', 'path , label\n1.jpg, a\n 2.jpg, "b"\n'],
    ['no line break at its end', 'path,label\n1.jpg,a\n2.jpg,b'],
    ['paths of Windows', 'path,label\n.\\1.jpg,a\nx\\..\\2.jpg,b\n'],
  ])('may have %s', async (_, text) => {
    const listed = await list(text, { split: { validation: 1e-9, seed: 0 } });
    expect(imagesOf(listed, listed.train)).toEqual(['1.jpg: a', '2.jpg: b']);
  });

  test('may have quoted separators, quotes and line breaks', async () => {
    const listed = await list('path;label\n"a;b ""c"", d.jpg";"x\ny"\n2.jpg;z\n', {
      split: { validation: 1e-9, seed: 0 },
    });
    expect(imagesOf(listed, listed.train)).toEqual(['a;b "c", d.jpg: x\ny', '2.jpg: z']);
  });

  test('may leave the split to hashes, of the path or of a column of groups', async () => {
    const rows = Array.from({ length: 60 }, (_, i) => `${i}.jpg,${i % 2 ? 'cat' : 'dog'},p${i % 12}`);
    const text = ['path,label,patient', ...rows].join('\n');
    const byPath = await list(text);
    expect(byPath.validation.labels.length).toBeGreaterThan(10);
    expect(byPath.validation.labels.length).toBeLessThan(40);
    const grouped = await list(text, { split: { validation: 0.4, seed: 0, group_by: 'patient' } });
    const patient = (name: string) => Number.parseInt(name, 10) % 12;
    const sides = [grouped.train, grouped.validation].map(
      (table) => new Set(imagesOf(grouped, table).map(patient)),
    );
    expect(sides.map(({ size }) => size).reduce((a, b) => a + b)).toBe(12);
    expect(grouped.validation.labels.length).toBeGreaterThan(0);
    // A pattern over the path, because no column has that name.
    const pattern = await list('path,label\np1_1.jpg,a\np1_2.jpg,b\nx.jpg,a\n', {
      split: { validation: 0.4, seed: 0, group_by: '{patient}_*' },
    });
    expect(problemsOf(pattern, 'ungrouped')).toMatchObject([{ count: 1, where: ['x.jpg'] }]);
  });

  test('orders classes by code points', async () => {
    const listed = await list('path,label\n1.jpg,b\n2.jpg,a\n3.jpg,B\n4.jpg,10\n5.jpg,9\n');
    expect(listed.classNames).toEqual(['10', '9', 'B', 'a', 'b']);
  });

  test('keeps numeric labels that count from 0', async () => {
    const rows = Array.from({ length: 12 }, (_, i) => `${i}.jpg,${11 - i}`);
    const listed = await list(['path,label', ...rows].join('\n'), { split: { validation: 1e-9, seed: 0 } });
    expect(listed.classNames).toEqual(Array.from({ length: 12 }, (_, i) => String(i)));
    expect([...listed.train.labels]).toEqual(Array.from({ length: 12 }, (_, i) => 11 - i));
    // Starting at 1, they are names like any other.
    const fromOne = await list(['path,label', ...rows.slice(0, 11)].join('\n'));
    expect(fromOne.classNames.slice(0, 3)).toEqual(['1', '10', '11']);
  });

  test('reports how far it has been read', async () => {
    const rows = Array.from({ length: 10_000 }, (_, i) => `folder/${i}.jpg,${i % 3}`);
    const messages: [string, number | null][] = [];
    await list(['path,label', ...rows].join('\n'), {}, (what, share) => messages.push([what, share]));
    expect(messages.map(([what]) => what)).toEqual(['5,000 rows read', '10,000 rows read']);
    // Reading runs ahead of parsing.
    for (const [, share] of messages) expect(share).toBeGreaterThan(0.4);
    expect(messages.at(-1)?.[1]).toBe(1);
  });
});

describe('a bad table of images reports', () => {
  test('no table, a folder, an empty one, and one without rows', async () => {
    expect((await failureOf(list('', { path: 'none.csv' }))).what).toMatch(
      /^The table .*none\.csv does not exist\.$/,
    );
    expect((await failureOf(list('', { path: '.' }))).what).toContain('is a folder, not a table.');
    for (const text of ['', '\n\n', 'path,label\n'])
      expect((await failureOf(list(text))).what).toMatch(/The table .*labels\.csv has no images\.$/);
  });

  test('a missing column, with the existing ones', async () => {
    const failure = await failureOf(list('image,label\n1.jpg,a\n'));
    expect(failure).toEqual({
      what: 'The table has no column path. Its columns: image, label.',
      remedy: 'Set data.image_column to the name of the column.',
    });
    expect((await failureOf(list('path,label\n1.jpg,a\n', SPLIT_COLUMN))).remedy).toContain('split_column');
    const group_by = { split: { validation: 0.1, seed: 0, group_by: 'patient' } };
    expect((await failureOf(list('path,label\n1.jpg,a\n', group_by))).remedy).toContain('split.group_by');
    expect((await failureOf(list('path,label,path\n1.jpg,a,b\n'))).what).toBe(
      'The table has two columns named path.',
    );
  });

  test('gaps in its labels, by line', async () => {
    const listed = await list(
      'path,label\n1.jpg,a\n2.jpg,\n\n,b\n"3\n.jpg","b"\n4.jpg,  \r\n5.jpg,a\n6.jpg,\n',
    );
    expect(problemsOf(listed, 'bad_row')).toMatchObject([
      { severity: 'error', count: 4, where: ['line 3', 'line 5', 'line 8', 'line 10'] },
    ]);
    expect(listed.train.labels.length + listed.validation.labels.length).toBe(3);
  });

  test('rows with too many values, so that no label comes from a wrong column', async () => {
    const listed = await list('path,label\na, b.jpg,cat\n2.jpg,dog\n3.jpg\n');
    expect(problemsOf(listed, 'bad_row')).toMatchObject([{ count: 2, where: ['line 2', 'line 4'] }]);
    expect(listed.classNames).toEqual(['dog']);
  });

  test('unknown splits', async () => {
    const listed = await list('path,label,split\n1.jpg,a,train\n2.jpg,b,holdout\n3.jpg,a,\n', SPLIT_COLUMN);
    expect(problemsOf(listed, 'bad_row')).toMatchObject([
      { count: 2, where: ['line 3: holdout', 'line 4: '] },
    ]);
  });

  test('paths that lead out of its folder', async () => {
    const inside = join(folder.path, 'in.jpg');
    const listed = await list(
      [
        'path,label',
        '../1.jpg,a',
        'x/../../2.jpg,b',
        '/etc/3.jpg,a',
        'C:\\4.jpg,a',
        `${inside},b`,
        '..5.jpg,c',
      ].join('\n'),
      { split: { validation: 1e-9, seed: 0 } },
    );
    expect(problemsOf(listed, 'bad_row')).toMatchObject([
      { count: 4, where: ['line 2: ../1.jpg', expect.anything(), expect.anything(), expect.anything()] },
    ]);
    expect(imagesOf(listed, listed.train)).toEqual(['in.jpg: b', '..5.jpg: c']);
  });

  test('rows that repeat an image: with its label, with another one, in another split', async () => {
    const listed = await list(
      [
        ...['path,label,split', '1.jpg,a,train', './1.jpg,a,train', '2.jpg,a,train', '2.jpg,b,train'],
        ...['3.jpg,b,train', 'x/../3.jpg,b,val', '4.jpg,a,val', '5.jpg,b,val'],
      ].join('\n'),
      SPLIT_COLUMN,
    );
    expect(problemsOf(listed, 'duplicate')).toMatchObject([
      { severity: 'error', where: ['lines 4 and 5: 2.jpg'] },
      { severity: 'warning', where: ['lines 2 and 3: 1.jpg'] },
    ]);
    expect(problemsOf(listed, 'leak')).toMatchObject([
      { severity: 'error', where: ['lines 6 and 7: 3.jpg'] },
    ]);
    expect(imagesOf(listed, listed.train)).toEqual(['1.jpg: a', '2.jpg: a', '3.jpg: b']);
  });

  test('classes without training images', async () => {
    const listed = await list(
      'path,label,split\n1.jpg,a,train\n2.jpg,b,train\n3.jpg,c,val\n4.jpg,a,val\n',
      SPLIT_COLUMN,
    );
    expect(errorsOf(listed)).toMatchObject([{ kind: 'unknown_class', where: ['c'] }]);
    expect(imagesOf(listed, listed.validation)).toEqual(['4.jpg: a']);
    const untrained = await list('path,label,split\n1.jpg,a,val\n', SPLIT_COLUMN);
    expect(errorsOf(untrained)[0]).toMatchObject({ kind: 'unknown_class', where: ['a'] });
  });

  test('only one class', async () => {
    const listed = await list('path,label,split\n1.jpg,a,train\n2.jpg,a,val\n', SPLIT_COLUMN);
    expect(errorsOf(listed)).toMatchObject([{ kind: 'single_class', where: ['a'] }]);
  });

  test('an unclosed quote, by its line', async () => {
    const failure = await failureOf(list('path,label\n1.jpg,a\n"2.jpg,b\n3.jpg,c\n'));
    expect(failure.what).toMatch(/labels\.csv, line \d+: the table cannot be read: Quote Not Closed/);
    expect(failure.remedy).toContain('Check the quotes near this line');
  });

  test('another encoding', async () => {
    const latin = Buffer.from('path,label\n1.jpg,k\xe4se\n', 'latin1');
    expect((await failureOf(list(latin))).what).toMatch(/line 2: the table is not UTF-8\.$/);
    const utf16 = Buffer.from('\ufeffpath,label\n1.jpg,a\n', 'utf16le');
    expect((await failureOf(list(utf16))).remedy).toBe('Save it as UTF-8. In Excel, choose "CSV UTF-8".');
  });
});

test('an index of names finds its names', () => {
  const kept: string[] = [];
  const index = new NameIndex((at) => kept[at]!);
  for (let i = 0; i < 5000; i++) {
    // Each of 2,000 names occurs two or three times.
    const name = `image ${(i * 7919) % 2000}`;
    const expected = kept.indexOf(name);
    expect(index.findOrAdd(name)).toBe(expected < 0 ? null : expected);
    if (expected < 0) kept.push(name);
  }
  expect(kept).toHaveLength(2000);
});
