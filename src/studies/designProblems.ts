import * as l10n from '@vscode/l10n';
import type { Failure } from '../shared/failure';
import type { DesignProblem } from '../study/design/request';

/**
 * Why no design fits a budget, and what to do about it. What is wrong with the factors themselves was said when the study was
 * read, with its place.
 */
export function designFailure(problem: DesignProblem, factors: number, runs: number): Failure {
  if (problem.kind !== 'budget_too_small') {
    return {
      what: l10n.t('No design fits these factors.'),
      remedy: l10n.t('Take factors out, or use the design {0}.', 'auto'),
    };
  }
  const { smallestRuns, smallestRunsInOneBlock } = problem;
  return {
    what:
      factors === 1
        ? l10n.t('A budget of {0} runs is too small for 1 factor.', runs)
        : l10n.t('A budget of {0} runs is too small for {1} factors.', runs, factors),
    remedy:
      smallestRunsInOneBlock < smallestRuns
        ? l10n.t(
            'Use at least {0} runs, or {1} for one block without a second seed.',
            smallestRuns,
            smallestRunsInOneBlock,
          )
        : l10n.t('Use at least {0} runs, or take factors out.', smallestRuns),
  };
}
