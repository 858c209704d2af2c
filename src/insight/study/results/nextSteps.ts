// The next steps for a study.
import * as l10n from '@vscode/l10n';
import type { StudyAnalysis, StudyEffect } from '../../../protocol/study';
import type { StudyFacts, StudyStep } from '../../../protocol/studyView';
import { assertNever } from '../../../shared/assertNever';
import { formatCount, formatFixed } from '../../../shared/format';
import { levelName, settingText } from './factorText';
import { isClear, listText, pText, scaleOf, withUnit } from './studyNumbers';

/** Returns the next steps, the most useful first. `command` does the step in a terminal. */
export function nextSteps(facts: StudyFacts): StudyStep[] {
  const { state, id } = facts;
  switch (state.status) {
    case 'waiting':
    case 'running':
      return [
        step(l10n.t('Let it run: results show up as runs complete.'), null, null),
        step(l10n.t('Stop it: completed runs are kept, and you can resume it later.'), `stop ${id}`, 'stop'),
      ];
    case 'stopped':
    case 'interrupted':
      return [
        step(l10n.t('Resume it from the run where it stopped.'), `resume ${id}`, 'resume'),
        ...(facts.analysis ? [report(facts)] : []),
      ];
    case 'failed':
      return [
        step(state.failure.remedy, null, null),
        step(l10n.t('Resume it after you fix that: completed runs are kept.'), `resume ${id}`, 'resume'),
        ...(facts.analysis ? [report(facts)] : []),
      ];
    case 'done':
      return facts.analysis ? stepsOfDone(facts, facts.analysis) : [];
    default:
      return assertNever(state);
  }
}

function stepsOfDone(facts: StudyFacts, analysis: StudyAnalysis): StudyStep[] {
  if (analysis.withheld === 'seeds_ignored' || analysis.withheld === 'no_noise') {
    return [
      step(l10n.t('Make the trainer use its seed, then start the study over.'), null, null),
      report(facts),
    ];
  }
  if (facts.confirms !== null) {
    const keep = l10n.t('Keep the set that the confirmed study chose, if it holds up.');
    const { confirms, plan } = facts;
    const more = l10n.t('Confirm it on more seeds to get an interval: completed runs are used.');
    // 4 seeds give an interval. More are needed if some of their runs diverge.
    const seeds = Math.max(4, 2 * plan.blocks.length);
    return [
      ...divergenceSteps(facts, analysis),
      analysis.withheld === 'too_few_degrees' || analysis.withheld === 'one_block'
        ? step(more, `confirm ${confirms} --seeds ${seeds}`, null)
        : step(keep, `keep ${confirms}`, null),
      report(facts),
    ];
  }
  return [
    ...divergenceSteps(facts, analysis),
    ...chosenSteps(facts, analysis),
    ...blockSteps(facts, analysis),
    report(facts),
  ];
}

/** Levels that make runs diverge come first, because effects only cover the other runs. */
function divergenceSteps({ factors }: StudyFacts, { divergences }: StudyAnalysis): StudyStep[] {
  return divergences
    .filter(({ p, divergedWith, runsWith, divergedWithout, runsWithout }) => {
      return p < 0.05 && divergedWith / runsWith > divergedWithout / runsWithout;
    })
    .map(({ factor, level, p }) =>
      step(
        l10n.t(
          'Look at the runs that diverged: {0} makes divergence more likely ({1}). A lower learning rate or warmup may help.',
          levelName(factors, factor, level),
          pText(p),
        ),
        null,
        null,
      ),
    );
}

function chosenSteps(
  { id, factors, confirmation, levelValues }: StudyFacts,
  { chosen, withheld }: StudyAnalysis,
): StudyStep[] {
  if (!chosen || withheld !== null) return [];
  const keep = (text: string) => (levelValues === null ? [] : [step(text, `keep ${id}`, 'keep' as const)]);
  if (chosen.setting.every((level) => level === 0)) {
    return keep(
      l10n.t('Keep the baseline, with every factor at its first level: no set is predicted to be better.'),
    );
  }
  const set = settingText(factors, chosen.setting);
  const isConfirmed = confirmation?.setting.join() === chosen.setting.join();
  const confirm = l10n.t('Confirm {0} on fresh seeds, against the baseline.', set);
  return [
    ...(isConfirmed ? [] : [step(confirm, `confirm ${id}`, 'confirm')]),
    ...keep(
      isConfirmed || isClear(chosen.gain)
        ? l10n.t('Keep what helps: write {0} into the experiment.', set)
        : l10n.t('Keep the best predicted set, which may gain nothing: write {0} into the experiment.', set),
    ),
  ];
}

/** If more than this many times the current blocks are needed, other ways to a verdict are cheaper. */
const MOST_TIMES = 10;

/** Returns the steps that would decide more effects: more blocks, more images, or less noise. */
function blockSteps(facts: StudyFacts, { effects, blocksDone, withheld, noise }: StudyAnalysis): StudyStep[] {
  const { plan } = facts;
  const perBlock = plan.blocks[0]?.settings.length ?? 0;
  if (withheld === 'one_block' || withheld === 'too_few_degrees') {
    return [moreBlocksStep(facts, 1, perBlock, l10n.t('to get verdicts'))];
  }
  const names = (open: readonly StudyEffect[]) =>
    listText(open.map(({ factor, level }) => levelName(facts.factors, factor, level)));
  const undecided = effects.filter(({ verdict }) => verdict === 'undecided');
  const byImages = undecided.filter(({ needsMoreImages }) => needsMoreImages);
  const byBlocks = undecided.filter(({ blocksNeeded }) => (blocksNeeded ?? 0) > blocksDone);
  const far = byBlocks.filter(({ blocksNeeded }) => (blocksNeeded ?? 0) > MOST_TIMES * blocksDone);
  const near = byBlocks.filter((effect) => !far.includes(effect));
  const most = (open: readonly StudyEffect[]) =>
    Math.max(...open.map(({ blocksNeeded }) => blocksNeeded ?? 0));
  const scale = scaleOf(facts);
  const smallest = withUnit(String(facts.smallestEffect), scale);
  const texts = [
    far.length > 0 &&
      l10n.t(
        'Deciding {0} at this noise ({1}) would take {2} runs. Train longer, which often lowers the noise, or raise smallest_effect.',
        names(far),
        noise ? withUnit(formatFixed(noise.standardDeviation, scale.digits), scale) : l10n.t('unknown'),
        formatCount(most(far) * perBlock),
      ),
    byImages.length > 0 &&
      l10n.t(
        'For {0}, use more validation images or raise smallest_effect: with the current images, no number of blocks resolves {1}.',
        names(byImages),
        smallest,
      ),
  ];
  return [
    ...(near.length === 0
      ? []
      : [moreBlocksStep(facts, most(near) - blocksDone, perBlock, l10n.t('to decide {0}', names(near)))]),
    ...texts.flatMap((text) => (text ? [step(text, null, null)] : [])),
  ];
}

/** Adds blocks to the existing study, unless its images are folds: then no fold is left. */
function moreBlocksStep(
  { id, images, plan }: StudyFacts,
  more: number,
  perBlock: number,
  why: string,
): StudyStep {
  const runs = (plan.blocks.length + more) * perBlock;
  if (images === 'folds') {
    return step(l10n.t('Create a new study with budget.runs {0} {1}.', runs, why), null, null);
  }
  const added =
    more === 1
      ? l10n.t('Add 1 block ({0} more runs) {1}.', perBlock, why)
      : l10n.t('Add {0} blocks ({1} more runs) {2}.', more, more * perBlock, why);
  return step(
    `${added} ${l10n.t('The study is then labeled as extended, because its error rate is not controlled.')}`,
    `resume ${id} --more-blocks ${more}`,
    null,
  );
}

function report({ id }: StudyFacts): StudyStep {
  return step(l10n.t('Read or share the report.'), `report ${id}`, 'report');
}

function step(text: string, command: string | null, action: StudyStep['action']): StudyStep {
  return { text, command: command && `tricks study ${command}`, action };
}
