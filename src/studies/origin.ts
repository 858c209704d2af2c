/**
 * Tracks whether this user made or accepted a study on this machine, as for runs (`runs/origin.ts`). A cloned folder
 * may contain a study. Its experiment is trained only after the user has agreed.
 */
import * as l10n from '@vscode/l10n';
import { isMarked, mark } from '../runs/origin';
import { UserError } from '../shared/userError';
import { quoted } from '../system/allowedFolders';
import type { StudyRecord } from './record';

/** The part of a study that its origin covers: what it trains, which never changes. */
export interface OriginatedStudy {
  readonly folder: string;
  readonly record: Pick<StudyRecord, 'id' | 'study' | 'experiment' | 'confirms'>;
}

/** Whether this user made the study here or accepted it. Also false if that cannot be read. */
export function isOwnStudy({ folder, record }: OriginatedStudy): Promise<boolean> {
  return isMarked(folder, saidBy(record));
}

/**
 * Marks a study as this user's own, when it is made or after the user accepted it.
 *
 * @throws the file system's error
 */
export function takeOnStudy({ folder, record }: OriginatedStudy): Promise<void> {
  return mark(folder, saidBy(record));
}

/** Error that refuses a study that came with its folder. Says how to allow it. */
export function foreignStudyError({ folder, record }: OriginatedStudy): UserError {
  return new UserError({
    what: l10n.t(
      'You did not create the study {0} ({1}) here. It came with the folder.',
      record.id,
      record.experiment.file,
    ),
    remedy: l10n.t(
      'Review it, then run it: {0}',
      `tricks study resume ${record.id} --allow ${quoted(folder)}`,
    ),
  });
}

function saidBy({ id, study, experiment, confirms }: OriginatedStudy['record']): readonly unknown[] {
  return ['study', id, study.file, study.text, experiment.file, experiment.text, confirms];
}
