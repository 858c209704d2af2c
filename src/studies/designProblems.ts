import * as l10n from '@vscode/l10n';
import { counted } from '../shared/counted';
import type { Failure } from '../shared/failure';
import type { DesignProblem } from '../study/design/request';

/**
 * Explains why no design fits a budget, and what to do about it. Errors in the factors were already reported, with
 * their position, when the study was read.
 */
export function designFailure(problem: DesignProblem, factors: number, runs: number): Failure {
  if (problem.kind !== 'budget_too_small') {
    return {
      what: l10n.t('No design fits these factors.'),
      remedy: l10n.t('Remove factors, or use the design {0}.', 'auto'),
    };
  }
  const { smallestRuns, smallestRunsInOneBlock } = problem;
  return {
    what: l10n.t('A budget of {0} is too small for {1}.', counted(runs, 'run'), counted(factors, 'factor')),
    remedy:
      smallestRunsInOneBlock < smallestRuns
        ? l10n.t(
            'Use at least {0} runs, or {1} for one block without a second seed.',
            smallestRuns,
            smallestRunsInOneBlock,
          )
        : l10n.t('Use at least {0} runs, or remove factors.', smallestRuns),
  };
}
