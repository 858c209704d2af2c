import * as l10n from '@vscode/l10n';
import { UserError } from '../shared/userError';
import { extendPlan } from '../study/design/extendPlan';
import { designRequestOf } from '../study/file/design';
import { StudyLock } from './lock';
import { plannedRuns, readSource } from './planning';
import { brokenStudyFailure, type ReadableStudy, readStudy, writeStudy } from './store';

/**
 * Adds blocks to a study that is not running, so it can be resumed, even if it was done. The error rate of its verdicts
 * is then not controlled, and each verdict says so.
 *
 * @throws UserError if it is running, or has no fold left for another block
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
          'The study {0} has {1} folds, and {2} of them already have a block.',
          record.id,
          record.folds,
          had,
        ),
        remedy: l10n.t('Add fewer blocks, or create a new study with more folds.'),
      });
    }
    const source = readSource(root, { ...record.study, experiment: record.experiment });
    if (!source.ok || record.confirms) {
      throw new UserError({
        what: l10n.t('The study {0} cannot be extended.', record.id),
        remedy: l10n.t('Create a new study. It reuses the finished runs.'),
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
