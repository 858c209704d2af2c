import { readdir, stat } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import { compareCodePoints } from '../codePoints';
import { datasetError } from '../errors';

/** A pattern that expands to more files than this is a mistake. */
const MAX_FILES = 100_000;

/**
 * Expands the braces in a pattern, in order, like a shell: `{a,b}`, and `{000..009}`, zero-padded if either end is.
 * Leaves other braces unchanged.
 *
 * @throws RangeError if there are more than 100,000 results
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

/** Returns the index of the brace that closes the one at `open`; -1 if there is none. */
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
 * Returns the local files that a shard pattern matches. Braces expand in order. Matches of `*` and `?` are sorted by
 * code point. A pattern that is the exact name of an existing file matches that file.
 *
 * @param folder the base of a relative pattern
 * @throws UserError if a file is missing, none is found, or the pattern does not name local files
 */
export async function shardFiles(pattern: string, folder: string): Promise<string[]> {
  const remedy = l10n.t(
    'Specify shards such as {0} or {1}.',
    'shards/train-{000..009}.tar',
    'shards/train-*.tar',
  );
  if (/^(?:[a-z][a-z0-9+.-]+:\/\/|pipe:)/i.test(pattern)) {
    throw datasetError(
      pattern,
      l10n.t('Only local files can be read.'),
      l10n.t('Download the shards first.'),
    );
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
    if (found.length === 0) throw datasetError(path, l10n.t('No shard matches this pattern.'), remedy);
    files.push(...found);
  }
  return [...new Set(files)];
}

function expandedOrError(pattern: string, remedy: string): string[] {
  try {
    return expandBraces(pattern);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw datasetError(pattern, l10n.t('The pattern expands to more than {0} files.', MAX_FILES), remedy);
  }
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isFile() === true;
}

/**
 * Returns the files that a path with `*` and `?` matches. Hidden files match only if the pattern also begins with a
 * dot.
 */
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
