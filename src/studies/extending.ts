import * as l10n from '@vscode/l10n';
import { UserError } from '../shared/userError';
import { extendPlan } from '../study/design/extendPlan';
import { designRequestOf } from '../study/file/design';
import { StudyLock } from './lock';
import { plannedRuns, readSource } from './planning';
import { brokenStudyFailure, type ReadableStudy, readStudy, writeStudy } from './store';

/**
 * Adds blocks to a study that nobody runs, so that it can be resumed, also one that is done. What its verdicts may err is not
 * controlled then, and each of them says so.
 *
 * @throws UserError where it is running, or has no fold left for another block
 */
export async function extendStudy(root: string, folder: string, moreBlocks: number): Promise<ReadableStudy> {
  const lock = await StudyLock.take(folder, () => {});
  try {
    const entry = await readStudy(folder);
    if (entry.kind === 'broken') throw new UserError(brokenStudyFailure(entry));
    const { record } = entry;
    const had = record.plan.blocks.length;
    if (record.folds !== null && had + moreBlocks > record.folds) {
      throw new UserError({
        what: l10n.t(
          'The study {0} has {1} folds, and a block in {2} of them.',
          record.id,
          record.folds,
          had,
        ),
        remedy: l10n.t('Add fewer blocks, or make a new study of more folds.'),
      });
    }
    const source = readSource(root, { ...record.study, experiment: record.experiment });
    if (!source.ok || record.confirms) {
      throw new UserError({
        what: l10n.t('The study {0} cannot be extended.', record.id),
        remedy: l10n.t('Make a new study, which uses the runs that are done.'),
      });
    }
    const plan = extendPlan(record.plan, designRequestOf(source.study, source.settings, 0), moreBlocks);
    const first = record.seeds[0] ?? 0;
    const extended = {
      ...record,
      plan,
      seeds: plan.blocks.map((_, block) => record.seeds[block] ?? first + block),
      runs: [...record.runs, ...plannedRuns(plan).filter(({ block }) => block >= had)],
      isExtended: true,
      state: { status: 'stopped' as const, because: null },
    };
    await writeStudy(folder, extended);
    return { ...entry, record: extended, isInterrupted: false };
  } finally {
    await lock.release();
  }
}
