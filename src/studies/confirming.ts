import * as l10n from '@vscode/l10n';
import type { StudyAnalysis } from '../protocol/study';
import { isOwnDataset } from '../recipe/datasets';
import { UserError } from '../shared/userError';
import { chooseDesign } from '../study/design/chooseDesign';
import { type Baseline, isCommandBaseline } from '../study/file/study';
import { TEST_ACCURACY } from './analyzing';
import { baselineHash, experimentsIn, plannedRuns, readSource } from './planning';
import type { StudyRecord } from './record';

/** Default number of seeds of a confirmation. Its interval then has 7 degrees of freedom. */
export const CONFIRMING_SEEDS = 8;

/**
 * Returns the record of a confirmation study. It trains another study's chosen set and its baseline on fresh seeds and
 * compares the two. It compares them on test images if there are any, because validation images chose the set. The
 * winner's own estimate is biased upward. This one is not.
 *
 * @param seeds number of seeds, 2 or more
 * @throws UserError if there is nothing to confirm
 */
export function confirmationOf(
  root: string,
  record: StudyRecord,
  { chosen }: Pick<StudyAnalysis, 'chosen'>,
  seeds: number,
): Omit<StudyRecord, 'id' | 'version' | 'createdAt'> {
  if (record.confirms) {
    throw new UserError({
      what: l10n.t('The study {0} is itself a confirmation.', record.id),
      remedy: l10n.t('Specify the study that it confirms: {0}', record.confirms.id),
    });
  }
  if (!chosen || chosen.setting.every((level) => level === 0)) {
    throw new UserError({
      what: chosen
        ? l10n.t('There is nothing to confirm: the best predicted set of {0} is its baseline.', record.id)
        : l10n.t('There is nothing to confirm: {0} has not chosen a set yet.', record.id),
      remedy: l10n.t('See its results: {0}', `tricks study show ${record.id}`),
    });
  }
  const parsed = readSource(root, { ...record.study, experiment: record.experiment });
  if (!parsed.ok) throw new UserError(changedFailure(record.id));
  const isOnTest = hasTestImages(parsed.baseline);
  // Test images are in no fold, so all other images may be used as the experiment says.
  const folds = isOnTest ? null : record.folds;
  const baseline = record.factors.map(() => 0);
  const first = Math.max(...record.seeds) + 1;
  const factors = [{ key: l10n.t('chosen set'), kind: 'trick' as const, levels: ['without', 'with'] }];
  const design = chooseDesign({
    factors,
    wish: { kind: 'full' },
    runs: 2 * seeds,
    randomSeed: first,
    leastBlocks: 1,
  });
  if (design.kind === 'problem') {
    throw new UserError({
      what: l10n.t('{0} seeds are too few to confirm anything.', seeds),
      remedy: l10n.t('Use at least {0}.', 4),
    });
  }
  const { plan } = design;
  const { recipe } = experimentsIn(root, parsed, { experiment: record.experiment, folds }).experimentAt(
    baseline,
    first,
    0,
  );
  return {
    ...record,
    name: l10n.t('{0} confirmation', record.name),
    baselineHash: baselineHash(recipe),
    ...{ factors, plan, folds, blocks: folds === null ? 'seeds' : 'folds' },
    metric: isOnTest ? { name: TEST_ACCURACY, higherIsBetter: true, isAccuracy: false } : record.metric,
    stop: 'never',
    seeds: plan.blocks.map((_, block) => first + block),
    isExtended: false,
    confirms: { id: record.id, arms: [baseline, [...chosen.setting]] },
    runs: plannedRuns(plan),
    // What the study found out about the seed holds here, too.
    seeding: record.seeding ? { ...record.seeding, repeats: [] } : null,
    costs: null,
    state: { status: 'stopped', because: null },
  };
}

function hasTestImages(baseline: Baseline): boolean {
  if (isCommandBaseline(baseline)) return false;
  const { recipe, experiment } = baseline;
  return isOwnDataset(recipe.data.source) && (experiment.facts?.testImages ?? 0) > 0;
}

function changedFailure(id: string) {
  return {
    what: l10n.t('The experiment of the study {0} can no longer be read.', id),
    remedy: l10n.t('Restore its images, or create a new study: {0}', 'tricks study FILE'),
  };
}
