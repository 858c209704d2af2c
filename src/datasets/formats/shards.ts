import { readdir, stat } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import { compareCodePoints } from '../codePoints';
import { datasetError } from '../errors';

/** A pattern that stands for more files than this is a slip. */
const MAX_FILES = 100_000;

/**
 * The texts that a pattern with braces stands for, in its order, as in a shell: `{a,b}`, and `{000..009}`, padded with
 * zeros where one of its ends is. Braces of neither kind stand for themselves.
 *
 * @throws RangeError when there are more than 100,000
 */
export function expandBraces(pattern: string): string[] {
  for (let open = pattern.indexOf('{'); open >= 0; open = pattern.indexOf('{', open + 1)) {
    const close = closingBrace(pattern, open);
    if (close < 0) break;
    const choices = choicesOf(pattern.slice(open + 1, close));
    if (!choices) continue;
    const before = pattern.slice(0, open);
    const after = expandBraces(pattern.slice(close + 1));
    const inner = choices.flatMap(expandBraces);
    if (inner.length * after.length > MAX_FILES) throw new RangeError(`More than ${MAX_FILES} texts`);
    return inner.flatMap((choice) => after.map((rest) => `${before}${choice}${rest}`));
  }
  return [pattern];
}

/** Where the brace that opens at `open` closes; -1 where it does not. */
function closingBrace(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    if (text[at] === '{') depth++;
    if (text[at] === '}' && --depth === 0) return at;
  }
  return -1;
}

function choicesOf(inside: string): string[] | null {
  const [, from, to] = /^(\d{1,15})\.\.(\d{1,15})$/.exec(inside) ?? [];
  if (from !== undefined && to !== undefined) return numbersOf(from, to);
  const choices = [''];
  let depth = 0;
  for (const character of inside) {
    if (character === ',' && depth === 0) {
      choices.push('');
      continue;
    }
    if (character === '{') depth++;
    if (character === '}') depth--;
    choices[choices.length - 1] += character;
  }
  return choices.length > 1 ? choices : null;
}

function numbersOf(from: string, to: string): string[] {
  const isPadded = [from, to].some((text) => text.length > 1 && text.startsWith('0'));
  const width = isPadded ? Math.max(from.length, to.length) : 0;
  const step = Number(from) <= Number(to) ? 1 : -1;
  const count = Math.abs(Number(to) - Number(from)) + 1;
  if (count > MAX_FILES) throw new RangeError(`More than ${MAX_FILES} texts`);
  return Array.from({ length: count }, (_, index) =>
    String(Number(from) + step * index).padStart(width, '0'),
  );
}

/**
 * The local files that a pattern of shards stands for: braces in their order, `*` and `?` by name in the order of code
 * points. A file of exactly that name is that file.
 *
 * @param folder what a relative pattern starts from
 * @throws UserError when one is missing, none is found, or the pattern is of no local files
 */
export async function shardFiles(pattern: string, folder: string): Promise<string[]> {
  const remedy = l10n.t(
    'Name shards such as {0}, or {1}.',
    'shards/train-{000..009}.tar',
    'shards/train-*.tar',
  );
  if (/^(?:[a-z][a-z0-9+.-]+:\/\/|pipe:)/i.test(pattern)) {
    throw datasetError(pattern, l10n.t('Only local files are read.'), l10n.t('Download the shards first.'));
  }
  if (await isFile(resolve(folder, pattern))) return [resolve(folder, pattern)];
  const files: string[] = [];
  for (const expanded of expandedOrError(pattern, remedy)) {
    const path = isAbsolute(expanded) ? expanded : join(folder, expanded);
    if (!/[*?]/.test(expanded)) {
      if (!(await isFile(path))) throw datasetError(path, l10n.t('The shard is missing.'), remedy);
      files.push(path);
      continue;
    }
    const found = await matchingFiles(path);
    if (found.length === 0) throw datasetError(path, l10n.t('There is no such shard.'), remedy);
    files.push(...found);
  }
  return [...new Set(files)];
}

function expandedOrError(pattern: string, remedy: string): string[] {
  try {
    return expandBraces(pattern);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw datasetError(pattern, l10n.t('The pattern stands for more than {0} files.', MAX_FILES), remedy);
  }
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isFile() === true;
}

/** The files that a path with `*` and `?` stands for; hidden ones only where the pattern begins with a dot too. */
async function matchingFiles(path: string): Promise<string[]> {
  const segments = path.split(/[\\/]/);
  const first = segments.findIndex((segment) => /[*?]/.test(segment));
  let found = [segments.slice(0, first).join('/') || '/'];
  for (const segment of segments.slice(first)) {
    const matches = matcherOf(segment);
    const below = found.map(async (folder) => {
      const names = await readdir(folder).catch(() => []);
      return names
        .filter(matches)
        .sort(compareCodePoints)
        .map((name) => join(folder, name));
    });
    found = (await Promise.all(below)).flat();
  }
  const isFound = await Promise.all(found.map(isFile));
  return found.filter((_, index) => isFound[index]);
}

function matcherOf(segment: string): (name: string) => boolean {
  const source = segment
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*+/g, '.*')
    .replace(/\?/g, '.');
  const pattern = new RegExp(`^${source}$`, 'su');
  return (name) => (segment.startsWith('.') || !name.startsWith('.')) && pattern.test(name);
}
