import { mkdir, readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { livenessOf, readLease } from '../runs/lease/lease';
import { awaitVerdict } from '../runs/lease/verdict';
import { folderName } from '../runs/store';
import type { Failure } from '../shared/failure';
import { firstIssues } from '../shared/firstIssues';
import { closest } from '../shared/nearest';
import { parseJson } from '../shared/parseJson';
import { UserError } from '../shared/userError';
import { failureOf, isSystemError } from '../system/errors';
import { readPlain } from '../system/plainFiles';
import { replaceFile } from '../system/replaceFile';
import { makeStoreFolder } from '../system/storeFolder';
import { STORE_FOLDER } from '../system/storeName';
import { takeOnStudy } from './origin';
import { STUDY_VERSION, type StudyRecord, studyRecordSchema } from './record';

/** A folder among the studies. A broken one is listed with its reason, and never written to. */
export type StudyEntry =
  | {
      readonly kind: 'study';
      readonly id: string;
      readonly folder: string;
      readonly record: StudyRecord;
      /** Whether its record says it is running but no process runs it, e.g. after a crash or a reboot. */
      readonly isInterrupted: boolean;
    }
  | {
      readonly kind: 'broken';
      readonly id: string;
      readonly folder: string;
      readonly reason: string;
      /** Whether it is broken only because a newer release wrote it. */
      readonly isNewer: boolean;
    };

/** A study with a readable record. */
export type ReadableStudy = Extract<StudyEntry, { kind: 'study' }>;

export const studiesFolder = (root: string): string => join(root, STORE_FOLDER, 'studies');
export const studyFolder = (root: string, id: string): string => join(studiesFolder(root), id);
export const studyPath = (folder: string): string => join(folder, 'study.json');

/**
 * Creates the folder of a new study in the store of `root`, and the store if needed.
 *
 * @throws UserError if the store is a link that needs consent; the file system's error
 */
export async function createStudy(
  root: string,
  study: Omit<StudyRecord, 'id' | 'version' | 'createdAt'>,
): Promise<ReadableStudy> {
  await makeStoreFolder(root, studiesFolder(root));
  const createdAt = Date.now();
  const name = folderName(createdAt, study.name, 'study');
  for (let count = 1; ; count++) {
    const id = count === 1 ? name : `${name}-${count}`;
    const folder = studyFolder(root, id);
    try {
      await mkdir(folder);
    } catch (error) {
      if (isSystemError(error, 'EEXIST')) continue;
      throw error;
    }
    // A record copied from another study carries that study's id.
    const record: StudyRecord = { ...study, version: STUDY_VERSION, id, createdAt };
    try {
      await writeStudy(folder, record);
      await takeOnStudy({ folder, record });
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
    return { kind: 'study', id, folder, record, isInterrupted: false };
  }
}

/**
 * Replaces a study's record atomically. Only the process that holds the study's lease writes it.
 *
 * @throws the file system's error; the old record is then unchanged
 */
export async function writeStudy(folder: string, record: StudyRecord): Promise<void> {
  await replaceFile(studyPath(folder), `${JSON.stringify(record, null, 1)}\n`);
}

/** Reads a study from its folder. */
export async function readStudy(folder: string): Promise<StudyEntry> {
  const id = basename(folder);
  const broken = (reason: string, isNewer = false): StudyEntry => ({
    ...{ kind: 'broken', id, folder, reason, isNewer },
  });
  let text: string;
  try {
    text = await readPlain(studyPath(folder), 'utf8');
  } catch (error) {
    if (isSystemError(error, 'EMFILE', 'ENFILE')) throw error;
    return broken(
      isSystemError(error, 'ENOENT', 'ENOTDIR') ? l10n.t('It has no study.json.') : failureOf(error).what,
    );
  }
  let data: unknown;
  try {
    data = parseJson(text);
  } catch {
    return broken(l10n.t('Its study.json is damaged.'));
  }
  // Before the schema check, because a newer release may use fields differently.
  const version = z.object({ version: z.number() }).safeParse(data).data?.version ?? 0;
  if (version > STUDY_VERSION) {
    return broken(
      l10n.t(
        'A newer release of Bag of Tricks wrote it: its study.json has version {0}, but this release reads version {1}.',
        version,
        STUDY_VERSION,
      ),
      true,
    );
  }
  const parsed = studyRecordSchema.safeParse(data);
  if (!parsed.success) return broken(l10n.t('Its study.json is not a study: {0}', firstIssues(parsed.error)));
  // A renamed or copied folder is a separate study.
  const record = { ...parsed.data, id };
  const isInterrupted = record.state.status === 'running' && !(await isHeld(folder));
  return { kind: 'study', id, folder, record, isInterrupted };
}

/** Whether a process runs a study. True also if that cannot be determined. */
export async function isHeld(folder: string): Promise<boolean> {
  const lease = await readLease(folder);
  return lease !== null && (await livenessOf(lease)) !== 'gone';
}

/**
 * Returns the runs of studies that a process runs or may be running, mapped to the study id. These runs must not be
 * deleted.
 */
export async function runsOfStudiesUnderWay(root: string): Promise<ReadonlyMap<string, string>> {
  const runs = new Map<string, string>();
  for (const study of await listStudies(root)) {
    if (study.kind === 'broken' || !(await isHeld(study.folder))) continue;
    const { record } = study;
    for (const { run } of [...record.runs, ...(record.seeding?.repeats ?? [])]) {
      if (run !== null) runs.set(run, study.id);
    }
  }
  return runs;
}

/** Explains why a run of a study in progress is not deleted. */
export function runInUseFailure(run: string, study: string): Failure {
  return {
    what: l10n.t('The run {0} belongs to the study {1}, which is running.', run, study),
    remedy: l10n.t('Stop the study, then delete the run.'),
  };
}

/**
 * Lists every study in the store of `root`, newest first; empty without a store. Searches share the folder but are not
 * listed.
 */
export async function listStudies(root: string): Promise<StudyEntry[]> {
  let ids: string[];
  try {
    const entries = await readdir(studiesFolder(root), { withFileTypes: true });
    ids = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
  // An id starts with the time at which its study was created.
  ids.sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  const studies: StudyEntry[] = [];
  // Sequential: there may be more studies than the limit on open files.
  for (const id of ids) {
    const entry = await readStudy(studyFolder(root, id));
    if (entry.kind === 'study' || !(await isSearchFolder(entry.folder))) studies.push(entry);
  }
  return studies;
}

/** Whether a folder holds a search from `tricks tune`: it has a `search.json` and no study record. */
async function isSearchFolder(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch((): string[] => []);
  return names.includes('search.json') && !names.includes(basename(studyPath(folder)));
}

/**
 * Finds the study that the user refers to: by id, unique id prefix, unique name, or `last`.
 *
 * @throws UserError if there is none, or more than one
 */
export async function findStudy(root: string, reference: string): Promise<StudyEntry> {
  const studies = await listStudies(root);
  const exact = reference === 'last' ? studies[0] : studies.find(({ id }) => id === reference);
  if (exact) return exact;
  const isMeant = (study: StudyEntry) =>
    reference.trim() !== '' &&
    (study.id.startsWith(reference) || (study.kind === 'study' && study.record.name === reference));
  const matches = studies.filter(isMeant);
  const [match] = matches;
  if (match && matches.length === 1) return match;
  if (studies.length === 0) throw new UserError(noStudyFailure(root));
  if (match) {
    throw new UserError({
      what: l10n.t(
        '{0} studies are called {1}: {2}',
        matches.length,
        reference,
        matches.map(({ id }) => id).join(', '),
      ),
      remedy: l10n.t('List the studies: {0}', 'tricks study list'),
    });
  }
  throw new UserError({
    what: l10n.t('There is no study {0} in {1}.', reference, root),
    remedy: l10n.t(
      'The nearest is {0}. List the studies: {1}',
      nearestStudy(studies, reference),
      'tricks study list',
    ),
  });
}

/** Returns the id of the study whose id or name is closest to the input. */
function nearestStudy(studies: readonly StudyEntry[], written: string): string {
  const ids = new Map<string, string>();
  for (const study of studies.toReversed()) {
    ids.set(study.id.toLowerCase(), study.id);
    if (study.kind === 'study') ids.set(study.record.name.toLowerCase(), study.id);
  }
  return ids.get(closest(written, [...ids.keys()]) ?? '') ?? '';
}

/** Explains that the store has no studies. */
export function noStudyFailure(root: string): Failure {
  return {
    what: l10n.t('There is no study in {0} yet.', root),
    remedy: l10n.t('Create one: {0}', 'tricks study FILE'),
  };
}

/** Explains why a study folder cannot be used, and what to do about it. */
export function brokenStudyFailure(study: Extract<StudyEntry, { kind: 'broken' }>): Failure {
  const what = l10n.t('The study {0} cannot be read and was left unchanged. {1}', study.id, study.reason);
  return {
    what,
    remedy: study.isNewer
      ? l10n.t('Update Bag of Tricks, then try again.')
      : l10n.t(
          'Restore {0} from a backup, or delete that folder. Its runs stay, and a new study of the same file reuses them.',
          studyPath(study.folder),
        ),
  };
}

/**
 * Permanently deletes a study's own folder. Its runs stay.
 *
 * @returns why it was not deleted, e.g. because a process runs it; null if it was
 */
export async function deleteStudy(root: string, id: string): Promise<Failure | null> {
  if (id !== basename(id) || id === '' || id === '.' || id === '..') {
    throw new Error(`Not a study's id: ${id}`);
  }
  const folder = studyFolder(root, id);
  if ((await awaitVerdict(folder)) === 'held') {
    return {
      what: l10n.t('The study {0} is running.', id),
      remedy: l10n.t('Stop it, then delete it.'),
    };
  }
  try {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    return null;
  } catch (error) {
    return failureOf(error);
  }
}
