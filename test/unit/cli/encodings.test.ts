import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readText } from '../../../src/cli/input';
import { parseExperiment } from '../../../src/experiment/parse';
import type { UserError } from '../../../src/shared/userError';

const TEXT = 'name: Größe\ndata: { dataset: synthetic }\nmodel: { name: resnet8 }\n';
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'encodings-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function failureOf(content: Buffer): Promise<string> {
  const file = join(folder, 'a.experiment.yaml');
  await writeFile(file, content);
  const error = await readText(file).then(
    () => null,
    (reason: UserError) => reason,
  );
  return `${error?.failure.what.replace(file, 'FILE')} ${error?.failure.remedy}`;
}

test('a file in another encoding is reported as such, with the byte and line', async () => {
  const utf16 = Buffer.from(`\uFEFF${TEXT}`, 'utf16le');
  expect(await failureOf(utf16)).toBe('FILE is UTF-16. Save it as UTF-8.');
  expect(await failureOf(Buffer.from(utf16).swap16())).toBe('FILE is UTF-16. Save it as UTF-8.');
  expect(await failureOf(Buffer.from(TEXT.replace('ß', 's'), 'latin1'))).toBe(
    'FILE is not UTF-8: byte 0xF6 on line 1. Save it as UTF-8.',
  );
});

test('UTF-8 is read with and without a byte order mark', async () => {
  const file = join(folder, 'b.experiment.yaml');
  for (const text of [TEXT, `\uFEFF${TEXT}`]) {
    await writeFile(file, text);
    expect(parseExperiment(await readText(file), file).ok).toBe(true);
  }
});

test('the editor reports it for such a file that it shows', () => {
  const said = (text: string) => {
    const parsed = parseExperiment(text, 'a.yaml');
    return parsed.ok
      ? []
      : parsed.problems.map(({ what, remedy, range }) => `${range.start.line + 1}: ${what} ${remedy}`);
  };
  expect(said(Buffer.from(TEXT, 'utf16le').toString('utf8'))).toEqual([
    '1: The file is UTF-16. Save it as UTF-8.',
  ]);
  expect(said(Buffer.from(TEXT, 'latin1').toString('utf8'))).toEqual([
    '1: The file is not UTF-8 here. Save it as UTF-8.',
  ]);
});
