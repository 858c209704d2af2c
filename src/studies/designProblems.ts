import * as l10n from '@vscode/l10n';
import type { StudyFactor, StudySetting } from '../protocol/study';
import { assertNever } from '../shared/assertNever';
import type { Failure } from '../shared/failure';
import type { DesignProblem } from '../study/design/request';

/** Why no design fits, in words: what is wrong, and what to do about it. */
export function designFailure(
  problem: DesignProblem,
  factors: readonly StudyFactor[],
  runs: number,
): Failure {
  const name = (factor: number) => factors[factor]?.key ?? '?';
  const level = (factor: number, index: number) => factors[factor]?.levels[index] ?? '?';
  const told = (setting: StudySetting) =>
    setting.map((each, factor) => `${name(factor)}: ${level(factor, each)}`).join(', ');
  switch (problem.kind) {
    case 'no_factors':
      return {
        what: l10n.t('The study has no factors.'),
        remedy: l10n.t('Name the tricks in question.'),
      };
    case 'one_level':
      return {
        what: l10n.t('{0} has one level, and an effect is a difference between two.', name(problem.factor)),
        remedy: l10n.t('Give it another value.'),
      };
    case 'too_many_factors':
      return {
        what: l10n.t(
          '{0} factors are too many for this design, which takes up to {1}.',
          factors.length,
          problem.most,
        ),
        remedy: l10n.t('Take some out, or use the design {0}.', 'one_at_a_time'),
      };
    case 'too_many_combinations':
      return {
        what: l10n.t('All combinations of the levels are more than {0}.', problem.most),
        remedy: l10n.t('Use the design {0}.', 'auto'),
      };
    case 'budget_too_small':
      return {
        what:
          factors.length === 1
            ? l10n.t('A budget of {0} runs is too small for 1 factor.', runs)
            : l10n.t('A budget of {0} runs is too small for {1} factors.', runs, factors.length),
        remedy:
          problem.smallestRuns === problem.smallestRunsInOneBlock
            ? l10n.t('The smallest that works is {0} runs; or take factors out.', problem.smallestRuns)
            : l10n.t(
                'The smallest that works is {0} runs, or {1} of one seed, which cannot tell noise from effects; or take factors out.',
                problem.smallestRuns,
                problem.smallestRunsInOneBlock,
              ),
      };
    case 'no_allowed_setting':
      return {
        what: l10n.t('No combination of the levels can be trained.'),
        remedy: l10n.t('Take out factors that exclude each other.'),
      };
    case 'never_varies':
      return {
        what: l10n.t(
          'Every combination that can be trained has {0}: {1}, so its effect cannot be seen.',
          name(problem.factor),
          level(problem.factor, problem.level),
        ),
        remedy: l10n.t('Take {0} out of the factors.', name(problem.factor)),
      };
    case 'level_never_run':
      return {
        what: l10n.t(
          'No combination that can be trained has {0}: {1}.',
          name(problem.factor),
          level(problem.factor, problem.level),
        ),
        remedy: l10n.t('Take that level out, or what excludes it.'),
      };
    case 'inseparable':
      return {
        what: l10n.t(
          'The effects of {0} cannot be told apart: in every combination that can be trained they change together.',
          problem.factors.map(name).join(', '),
        ),
        remedy: l10n.t('Take one of them out.'),
      };
    case 'impossible_settings':
      return {
        what: l10n.t(
          'This design needs runs that cannot be trained: {0}.',
          problem.settings.slice(0, 3).map(told).join('; '),
        ),
        remedy: l10n.t('Use the design {0}.', 'auto'),
      };
    case 'empty_list':
      return {
        what: l10n.t('The design lists no runs.'),
        remedy: l10n.t('List at least two, or use the design {0}.', 'auto'),
      };
    case 'malformed_setting':
      return {
        what: l10n.t('Run {0} of the design has levels that the factors do not have.', problem.entry + 1),
        remedy: l10n.t('Correct it, or use the design {0}.', 'auto'),
      };
    case 'repeated_setting':
      return {
        what: l10n.t(
          'Runs {0} and {1} of the design are the same.',
          problem.entries[0] + 1,
          problem.entries[1] + 1,
        ),
        remedy: l10n.t('Take one of them out.'),
      };
    default:
      return assertNever(problem);
  }
}
