import { stat } from 'node:fs/promises';
import * as l10n from '@vscode/l10n';
import { assertNever } from '../../shared/assertNever';
import { nearest } from '../../shared/nearest';
import { UserError } from '../../shared/userError';
import {
  brokenStudyFailure,
  findStudy,
  isHeld,
  listStudies,
  noStudyFailure,
  type ReadableStudy,
  type StudyEntry,
} from '../../studies/store';
import type { Terminal } from '../terminal';

/** Which studies a command without a name can be about: all; those that a process runs; those that are not done; those that confirm no other. */
export type Meant = 'any' | 'running' | 'unfinished' | 'original';

/**
 * The study that a person means, which can be read. Without a name that is the latest, which is said: of those that the command
 * suits, where there are any.
 *
 * @param reference as `findStudy` takes it
 * @throws UserError where there is none, or it is broken
 */
export async function studyMeant(
  terminal: Terminal,
  root: string,
  reference: string | undefined,
  meant: Meant = 'any',
): Promise<ReadableStudy> {
  const study =
    reference === undefined ? await latest(terminal, root, meant) : await findStudy(root, reference);
  if (study.kind === 'broken') throw new UserError(brokenStudyFailure(study));
  return study;
}

async function latest(terminal: Terminal, root: string, meant: Meant): Promise<StudyEntry> {
  const studies = await listStudies(root);
  const [newest] = studies;
  if (!newest) throw new UserError(noStudyFailure(root));
  if (studies.length === 1) {
    terminal.note(l10n.t('The study {0} is meant, the only one.', newest.id));
    return newest;
  }
  for (const study of studies) {
    if (study.kind === 'broken' || !(await suits(study, meant))) continue;
    terminal.note(
      study === newest
        ? l10n.t('The study {0} is meant, the latest.', study.id)
        : l10n.t('The study {0} is meant, the latest that this is for.', study.id),
    );
    return study;
  }
  terminal.note(l10n.t('The study {0} is meant, the latest.', newest.id));
  return newest;
}

async function suits({ folder, record }: ReadableStudy, meant: Meant): Promise<boolean> {
  switch (meant) {
    case 'any':
      return true;
    case 'running':
      return isHeld(folder);
    case 'unfinished':
      return record.state.status !== 'done';
    case 'original':
      return record.confirms === null;
    default:
      return assertNever(meant);
  }
}

/**
 * Checks that a person who runs a study names a file: a word that is a command or a study is not taken for one.
 *
 * @param commands of `tricks study`
 * @throws UserError where it is a word that means something else, with what to type
 */
export async function assertFile(root: string, file: string, commands: readonly string[]): Promise<void> {
  // Whoever writes a path means a file.
  if (/[./\\]/.test(file)) return;
  if (commands.includes(file)) {
    throw new UserError({
      what: l10n.t('{0} is a command, and stands where a file is expected.', file),
      remedy: l10n.t('Put it first: {0}. A file of that name is {1}.', `tricks study ${file}`, `./${file}`),
    });
  }
  if (await isThere(file)) return;
  const studies = await listStudies(root);
  const named = studies.find(({ id, ...study }) => {
    return id === file || (study.kind === 'study' && study.record.name === file);
  });
  if (named) {
    throw new UserError({
      what: l10n.t('{0} is a study that was made, and no file.', file),
      remedy: l10n.t('To go on with it: {0}', `tricks study resume ${file}`),
    });
  }
  const near = nearest(file, commands);
  throw new UserError({
    what: l10n.t('There is no file {0}, and no command of that name.', file),
    remedy: near
      ? l10n.t('Did you mean {0}?', `tricks study ${near}`)
      : l10n.t('Name a study file, such as {0}.', 'which-tricks-pay.study.yaml'),
  });
}

async function isThere(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
