// What a person can do next about a study.
import * as l10n from '@vscode/l10n';
import type { StudyAnalysis } from '../../../protocol/study';
import type { StudyFacts, StudyStep } from '../../../protocol/studyView';
import { assertNever } from '../../../shared/assertNever';
import { levelName, settingText } from './factorText';
import { listText, pText } from './studyNumbers';

/** What to do next, the most useful first; `command` is what does it in a terminal. */
export function nextSteps(facts: StudyFacts): StudyStep[] {
  const { state, id } = facts;
  switch (state.status) {
    case 'waiting':
    case 'running':
      return [
        step(l10n.t('Let it run: results show up as runs end.'), null, null),
        step(l10n.t('Stop it: runs that ended are kept, and it can be resumed.'), `stop ${id}`, 'stop'),
      ];
    case 'stopped':
    case 'interrupted':
      return [
        step(l10n.t('Resume it: it continues with the run where it stopped.'), `resume ${id}`, 'resume'),
        ...(facts.analysis ? [report(facts)] : []),
      ];
    case 'failed':
      return [
        step(state.failure.remedy, null, null),
        step(l10n.t('Resume it once that is fixed: runs that ended are kept.'), `resume ${id}`, 'resume'),
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
      step(l10n.t('Make the trainer use its seed, then start the study anew.'), null, null),
      report(facts),
    ];
  }
  if (facts.confirms !== null) {
    const keep = l10n.t('Keep what the confirmed study chose, where it holds.');
    return [...divergenceSteps(facts, analysis), step(keep, `keep ${facts.confirms}`, null), report(facts)];
  }
  return [
    ...divergenceSteps(facts, analysis),
    ...chosenSteps(facts, analysis),
    ...blockSteps(facts, analysis),
    report(facts),
  ];
}

/** Levels that make runs diverge come first: effects are among the others alone. */
function divergenceSteps({ factors }: StudyFacts, { divergences }: StudyAnalysis): StudyStep[] {
  return divergences
    .filter(({ p, divergedWith, runsWith, divergedWithout, runsWithout }) => {
      return p < 0.05 && divergedWith / runsWith > divergedWithout / runsWithout;
    })
    .map(({ factor, level, p }) =>
      step(
        l10n.t(
          'Look at the runs that diverged: {0} makes it likelier ({1}). A lower learning rate or warmup may help.',
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
    return keep(l10n.t('Keep the first level of every factor: no set is predicted to be better.'));
  }
  const set = settingText(factors, chosen.setting);
  const isConfirmed = confirmation?.setting.join() === chosen.setting.join();
  const confirm = l10n.t('Confirm {0} on fresh seeds, against the first level of every factor.', set);
  return [
    ...(isConfirmed ? [] : [step(confirm, `confirm ${id}`, 'confirm')]),
    ...keep(l10n.t('Keep what helps: write {0} into the experiment.', set)),
  ];
}

/** More blocks, where they would decide more. */
function blockSteps(
  { factors, plan }: StudyFacts,
  { effects, blocksDone, withheld }: StudyAnalysis,
): StudyStep[] {
  const perBlock = plan.blocks[0]?.settings.length ?? 0;
  if (withheld === 'one_block' || withheld === 'too_few_degrees') {
    return [
      step(
        l10n.t(
          'Raise budget.runs to {0} for one more block, so that there are intervals.',
          (blocksDone + 1) * perBlock,
        ),
        null,
        null,
      ),
    ];
  }
  const open = effects.filter(
    ({ verdict, blocksNeeded }) => verdict === 'undecided' && (blocksNeeded ?? 0) > blocksDone,
  );
  if (open.length === 0) return [];
  const blocks = Math.max(...open.map(({ blocksNeeded }) => blocksNeeded ?? 0));
  return [
    step(
      l10n.t(
        'Raise budget.runs to {0} ({1} blocks) to decide {2}. The study is then labelled as extended, since its error is not controlled.',
        blocks * perBlock,
        blocks,
        listText(open.map(({ factor, level }) => levelName(factors, factor, level))),
      ),
      null,
      null,
    ),
  ];
}

function report({ id }: StudyFacts): StudyStep {
  return step(l10n.t('Read or share the report.'), `report ${id}`, 'report');
}

function step(text: string, command: string | null, action: StudyStep['action']): StudyStep {
  return { text, command: command && `tricks study ${command}`, action };
}
