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
import { quoted } from '../../system/allowedFolders';
import { commandsAt } from '../output';
import type { Terminal } from '../terminal';

/**
 * The studies that a command without a name can refer to: any, those running in a process, those not done, or those
 * that are not confirmations of another study.
 */
export type Meant = 'any' | 'running' | 'unfinished' | 'original';

/**
 * Finds the study that a reference names and checks that it is readable. Without a reference, takes the latest and says
 * so. Prefers studies that the command applies to, if there are any.
 *
 * @param reference as `findStudy` takes it
 * @throws UserError if there is none, or it is broken
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
    terminal.note(l10n.t('Using the study {0}, the only one.', newest.id));
    return newest;
  }
  for (const study of studies) {
    if (study.kind === 'broken' || !(await suits(study, meant))) continue;
    terminal.note(
      study === newest
        ? l10n.t('Using the study {0}, the latest.', study.id)
        : l10n.t('Using the study {0}, the latest that this command applies to.', study.id),
    );
    return study;
  }
  terminal.note(l10n.t('Using the study {0}, the latest.', newest.id));
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
 * Checks that the argument of a study run is a file and not the name of a command or a study.
 *
 * @param commands of `tricks study`
 * @throws UserError if the word means something else, with the command to type instead
 */
export async function assertFile(root: string, file: string, commands: readonly string[]): Promise<void> {
  // A path separator or a dot can only mean a file.
  if (/[./\\]/.test(file)) return;
  if (commands.includes(file)) {
    throw new UserError({
      what: l10n.t('{0} is a command, but a file is expected here.', file),
      remedy: l10n.t(
        'Put it first: {0}. To use a file with that name, write {1}.',
        `tricks study ${file}`,
        `./${file}`,
      ),
    });
  }
  if (await isThere(file)) return;
  const studies = await listStudies(root);
  const named = studies.find(({ id, ...study }) => {
    return id === file || (study.kind === 'study' && study.record.name === file);
  });
  if (named) {
    throw new UserError({
      what: l10n.t('{0} is an existing study, not a file.', file),
      remedy: l10n.t('To resume it: {0}', (await commandsAt(root))(`tricks study resume ${quoted(file)}`)),
    });
  }
  const near = nearest(file, commands);
  throw new UserError({
    what: l10n.t('There is no file or command named {0}.', file),
    remedy: near
      ? l10n.t('Did you mean {0}?', `tricks study ${near}`)
      : l10n.t('Specify a study file, such as {0}.', 'which-tricks-pay.study.yaml'),
  });
}

async function isThere(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
