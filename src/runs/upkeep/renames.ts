/**
 * Tracks renamed experiment files of runs. A run's run.json contains the file's original name: its trainer writes that
 * file, and paths in its recipe are relative to that name. So renames are stored next to the runs, in
 * `.bag-of-tricks/renames.ndjson`, one per line, append only. A rename applies to runs that are older than it.
 */
import { access } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../shared/parseJson';
import { isSystemError } from '../../system/errors';
import { isInside } from '../../system/insideFolder';
import { openPlain, readPlain } from '../../system/plainFiles';
import { foldedPath } from '../../system/samePath';
import { assertStoreAllowed } from '../../system/storeConsent';
import { STORE_FOLDER } from '../../system/storeName';

const renameSchema = z.object({
  /** Milliseconds since 1970. */
  time: z.number(),
  /** Paths of a file or folder, in the same form as experiment paths in run.json. */
  from: z.string(),
  to: z.string(),
  /**
   * A guess: a file was missing, and only one other could be it. Applies only while there is no file with the old name.
   */
  isGuess: z.literal(true).optional(),
});

/** A rename of a file or folder, with absolute paths. */
export type Rename = z.infer<typeof renameSchema>;

const renamesPath = (root: string): string => join(root, STORE_FOLDER, 'renames.ndjson');

/** The renames in the store of `root`, in order. Skips unreadable lines. */
export async function readRenames(root: string): Promise<Rename[]> {
  let text: string;
  try {
    text = await readPlain(renamesPath(root), 'utf8');
  } catch (error) {
    if (isSystemError(error, 'EMFILE', 'ENFILE')) throw error;
    return [];
  }
  return text.split('\n').flatMap((line) => {
    const { data } = renameSchema.safeParse(jsonOf(line));
    return data ? [{ ...data, from: resolve(root, data.from), to: resolve(root, data.to) }] : [];
  });
}

/**
 * Records that a file, or a folder of files, was renamed.
 *
 * @throws UserError if the store is a symbolic link that was not allowed, or the file system's error
 */
export async function recordRename(root: string, { from, to, ...rest }: Rename): Promise<void> {
  await assertStoreAllowed(root);
  await using file = await openPlain(renamesPath(root), 'a');
  const line = { ...rest, from: within(root, from), to: within(root, to) };
  await file.appendFile(`${JSON.stringify(line)}\n`);
}

/**
 * The possible current paths of a file, likeliest first: later names before earlier ones, and a guess after the name
 * that it replaces.
 *
 * @param file absolute path
 * @param since when the file was known to have that name, in milliseconds since 1970
 */
export function placesOf(file: string, since: number, renames: readonly Rename[]): string[] {
  const places = [file];
  for (const { time, from, to, isGuess } of renames) {
    if (time < since) continue;
    const index = places.findIndex((place) => isInside(foldedPath(place), foldedPath(from)));
    const place = places[index];
    if (place !== undefined) places.splice(isGuess ? index + 1 : index, 0, join(to, relative(from, place)));
  }
  return places;
}

/** The current path of a file. If it exists nowhere, its last name, because it may just be moving. */
export async function placeNow(file: string, since: number, renames: readonly Rename[]): Promise<string> {
  const places = placesOf(file, since, renames);
  const [last = file] = places;
  if (places.length === 1) return last;
  for (const place of places) if (await exists(place)) return place;
  return last;
}

/** A file that may be the experiment of a run. */
export interface Candidate {
  readonly file: string;
  readonly text: string;
  /** The experiment's name, or null if unreadable. */
  readonly name: string | null;
  /** Whether runs were started from it under its own name. */
  readonly hasRuns: boolean;
}

/**
 * Finds the file that the runs of a missing file belong to: the only file with the same text, otherwise the only file
 * with the experiment's name and without runs of its own. Null if there is none or more than one.
 *
 * @param runs newest first
 */
export function movedFile(
  runs: readonly { readonly text: string; readonly name: string }[],
  candidates: readonly Candidate[],
): string | null {
  const texts = new Set(runs.map(({ text }) => text));
  const alike = candidates.filter(({ text }) => texts.has(text));
  if (alike.length > 0) return alike.length === 1 ? (alike[0]?.file ?? null) : null;
  const named = candidates.filter(({ name, hasRuns }) => !hasRuns && name !== null && name === runs[0]?.name);
  return named.length === 1 ? (named[0]?.file ?? null) : null;
}

/** Whether something exists at a path. Also true if that is unclear. */
export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    (error: unknown) => !isSystemError(error, 'ENOENT', 'ENOTDIR'),
  );
}

/** A path in the form of run.json: relative with forward slashes if it is in `root`, so that the project can move. */
function within(root: string, path: string): string {
  return isInside(path, root) ? relative(root, path).split(sep).join('/') : path;
}

function jsonOf(line: string): unknown {
  try {
    return parseJson(line);
  } catch {
    return null;
  }
}
