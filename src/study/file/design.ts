/** Checks a study's design: its kind, its factors together, and its budget. */
import * as l10n from '@vscode/l10n';
import type { Finding } from '../../experiment/explain';
import type { StudySetting } from '../../protocol/study';
import { assertNever } from '../../shared/assertNever';
import { counted } from '../../shared/counted';
import { strategyOf } from '../design/chooseDesign';
import type { DesignProblem, DesignRequest } from '../design/request';
import type { Study, StudySettings, DesignRequest as WrittenDesign } from './study';

/** Errors and warnings, separately. */
export interface Findings {
  readonly errors: readonly Finding[];
  readonly warnings: readonly Finding[];
}

/** Seed for the order of runs and the search for designs. */
const RANDOM_SEED = 1;

/**
 * Returns a study's design request with a budget of `runs`. Checks combinations by their pairs of levels, because a
 * design asks about thousands of them. Conflicts among three levels show up in the experiments of the chosen
 * combinations.
 */
export function designRequestOf(
  { design }: { readonly design: WrittenDesign },
  settings: Pick<StudySettings, 'factors' | 'exclusions' | 'isAllowed'>,
  runs: number,
): DesignRequest {
  return {
    factors: settings.factors,
    wish: typeof design === 'string' ? { kind: design } : { kind: 'listed', settings: design },
    runs,
    randomSeed: RANDOM_SEED,
    isAllowed: allowedByPairs(settings),
    leastBlocks: 1,
  };
}

/** Checks a study's design. Checks the budget if it is a number of runs. */
export function designFindings(study: Study, settings: StudySettings): Findings {
  const { budget, factors } = study;
  const runs = 'runs' in budget ? budget.runs : 1;
  const strategy = strategyOf(designRequestOf(study, settings, runs));
  if ('problem' in strategy) return { errors: [problemFinding(study, strategy.problem)], warnings: [] };
  if (!('runs' in budget)) return { errors: [], warnings: [] };
  const [two, one] = [strategy.smallestRuns(2), strategy.smallestRuns(1)];
  const path = ['budget', 'runs'];
  if (budget.runs < one) {
    const error: Finding = {
      path,
      part: 'value',
      what: l10n.t(
        'A budget of {0} is too small for {1}.',
        counted(budget.runs, 'run'),
        counted(factors.length, 'factor'),
      ),
      remedy:
        one < two
          ? l10n.t('Use at least {0} runs, or {1} for one block without a second seed.', two, one)
          : l10n.t('Use at least {0} runs, or remove factors.', two),
      replacement: String(two),
    };
    return { errors: [error], warnings: [] };
  }
  if (budget.runs >= two) return { errors: [], warnings: [] };
  const warning: Finding = {
    path,
    part: 'value',
    what: l10n.t(
      'A budget of {0} is enough for only one block: the effects get no interval that holds for other seeds.',
      counted(budget.runs, 'run'),
    ),
    remedy: l10n.t('Use at least {0} runs for two blocks.', two),
    replacement: String(two),
  };
  return { errors: [], warnings: [warning] };
}

/** If every level can be trained alone, pairs determine which combinations are allowed. */
function allowedByPairs({
  factors,
  exclusions,
  isAllowed,
}: Pick<StudySettings, 'factors' | 'exclusions' | 'isAllowed'>): (setting: StudySetting) => boolean {
  const isPossibleAlone = factors.every(({ levels }, factor) =>
    levels.every((_, level) => isAllowed(factors.map((_, index) => (index === factor ? level : 0)))),
  );
  if (!isPossibleAlone) return isAllowed;
  return (setting) =>
    !exclusions.some(
      ({ first, second }) => setting[first.factor] === first.level && setting[second.factor] === second.level,
    );
}

function problemFinding(study: Study, problem: DesignProblem): Finding {
  const { factors } = study;
  const nameOf = (index: number) => factors[index]?.key ?? '';
  const atFactor = (index: number, what: string, remedy: string): Finding => ({
    path: factors[index]?.path ?? ['factors'],
    part: 'key',
    what,
    remedy,
  });
  const atDesign = (what: string, remedy: string, path: Finding['path'] = ['design']): Finding => ({
    path,
    part: 'value',
    what,
    remedy,
  });
  const takeOut = l10n.t('Remove one of them.');
  switch (problem.kind) {
    case 'no_factors':
      return atDesign(l10n.t('A study needs at least one factor.'), l10n.t('Add one, such as warmup.'), [
        'factors',
      ]);
    case 'one_level':
      return atFactor(
        problem.factor,
        l10n.t('The factor {0} has one level.', nameOf(problem.factor)),
        l10n.t('Write two values or more, the reference first.'),
      );
    case 'too_many_factors':
      return atDesign(
        l10n.t(
          'This design does not support so many levels: together, the factors may have {0} levels besides their first levels.',
          problem.most,
        ),
        l10n.t('Remove factors or levels.'),
        ['factors'],
      );
    case 'too_many_combinations':
      return atDesign(
        l10n.t('The factors have more than {0} combinations.', problem.most),
        l10n.t('Use auto, or remove factors.'),
      );
    case 'budget_too_small':
      return atDesign(
        l10n.t('The budget is too small.'),
        l10n.t('Use at least {0} runs.', problem.smallestRuns),
        ['budget'],
      );
    case 'no_allowed_setting':
      return atDesign(l10n.t('No combination of the factors can be trained.'), takeOut, ['factors']);
    case 'never_varies':
      return atFactor(
        problem.factor,
        l10n.t('All possible runs have the same level of {0}.', nameOf(problem.factor)),
        l10n.t('Remove the factor, or remove what excludes it.'),
      );
    case 'level_never_run':
      return atFactor(
        problem.factor,
        l10n.t('No possible run has level {0} of {1}.', problem.level + 1, nameOf(problem.factor)),
        l10n.t('Remove that level, or remove what excludes it.'),
      );
    case 'inseparable':
      return atDesign(
        l10n.t(
          'The possible runs cannot separate the effects of {0}.',
          problem.factors.map(nameOf).join(', '),
        ),
        typeof study.design === 'string'
          ? takeOut
          : l10n.t('List more runs, such as runs in which only one of them changes.'),
      );
    case 'impossible_settings':
      return atDesign(
        l10n.t('The design {0} needs runs that cannot be trained.', designName(study)),
        l10n.t('Use auto, which avoids them.'),
      );
    case 'empty_list':
      return atDesign(l10n.t('The design lists no runs.'), l10n.t('List two runs or more.'));
    case 'malformed_setting':
      return atDesign(
        l10n.t('This run has a level that does not exist.'),
        l10n.t('Use levels of the factors.'),
        ['design', problem.entry],
      );
    case 'repeated_setting':
      return atDesign(
        l10n.t('This run is the same as run {0} in the list.', problem.entries[0] + 1),
        l10n.t('Remove it: every block runs the whole list.'),
        ['design', problem.entries[1]],
      );
    default:
      return assertNever(problem);
  }
}

function designName({ design }: Study): string {
  return typeof design === 'string' ? design : l10n.t('with listed runs');
}
