/**
 * Whether a study was made, or taken on, by this user on this machine, as runs are (`runs/origin.ts`): a folder that was cloned
 * may bring a study along, whose experiment is trained only once a person has said so.
 */
import * as l10n from '@vscode/l10n';
import { isMarked, mark } from '../runs/origin';
import { UserError } from '../shared/userError';
import type { StudyRecord } from './record';

/** A study as far as its origin goes: what it trains, which no study changes. */
export interface OriginatedStudy {
  readonly folder: string;
  readonly record: Pick<StudyRecord, 'id' | 'study' | 'experiment' | 'confirms'>;
}

/** Whether this user made the study here, or took it on. False also where that cannot be read. */
export function isOwnStudy({ folder, record }: OriginatedStudy): Promise<boolean> {
  return isMarked(folder, saidBy(record));
}

/**
 * Takes a study on as this user's own: when it is made, or once a person has said so.
 *
 * @throws the file system's error
 */
export function takeOnStudy({ folder, record }: OriginatedStudy): Promise<void> {
  return mark(folder, saidBy(record));
}

/** Refuses a study that came with its folder, with how to allow it. */
export function foreignStudyError({ folder, record }: OriginatedStudy): UserError {
  return new UserError({
    what: l10n.t(
      'The study {0} ({1}) was not made here by you, but came with the folder.',
      record.id,
      record.experiment.file,
    ),
    remedy: l10n.t('Look at it, then run it: {0}', `tricks study resume ${record.id} --allow ${folder}`),
  });
}

function saidBy({ id, study, experiment, confirms }: OriginatedStudy['record']): readonly unknown[] {
  return ['study', id, study.file, study.text, experiment.file, experiment.text, confirms];
}
