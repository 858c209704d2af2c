import { basename } from 'node:path';
import * as vscode from 'vscode';
import { networkRecipe, recipeFacts } from '../../recipe/anyRecipe';
import { RANGE_TEST_DEFAULTS, rangeTestRecipe } from '../../recipe/rangeTest';
import { readAllEvents } from '../../runs/log';
import { metricsPath } from '../../runs/store';
import { formatNumber } from '../../shared/format';
import {
  commandRangeTestFailure,
  noSuggestionText,
  type RangeTestResult,
  rangeTestName,
  rangeTestOf,
} from '../../study/rangeTest';
import { applyResult } from '../language/edits';
import { commandExperimentOf, parsedOf } from '../language/parsing';
import { type Offer, tell, tellFailure } from '../messages';
import { isLive, type ReadableRun } from '../runs/liveRun';
import type { Services } from '../services';
import { plainMessage } from '../shown';
import { indexFirst, tellUnindexed } from './dataCommands';
import { mayRun, savedDocument, tellProblems } from './documents';
import { experimentTarget, type Target } from './targets';

/**
 * Runs a learning rate range test on an experiment file, then offers to write the suggestion as `optimizer.base_lr`.
 */
export async function findRate(services: Services, target: Target): Promise<void> {
  const uri = await experimentTarget(services, target);
  if (!uri || !mayRun()) return;
  const document = await savedDocument(uri);
  if (document && commandExperimentOf(document)) {
    return tellFailure(commandRangeTestFailure(basename(document.fileName)));
  }
  if (!document || !(await indexFirst(services, document))) return;
  const start = await services.runner.start(document, ({ experiment, recipe }) =>
    rangeTestRecipe(
      ...([recipe, RANGE_TEST_DEFAULTS, experiment.optimizer.base_lr, rangeTestName(recipe.name)] as const),
    ),
  );
  if (start.outcome === 'bad_file') return tellProblems(document, start.problems);
  if (start.outcome === 'unindexed') return tellUnindexed(services, uri);
  if (start.outcome === 'failed') return tellFailure(start.failure);
  const { run, isCancelled } = await untilEnded(services, start.folder);
  if (isCancelled || !run) return;
  const { state } = run.manifest;
  const recipe = networkRecipe(run.manifest.recipe);
  // Every other end shows a notification, as for any run.
  if (state.status !== 'stopped' || !recipe) return;
  const { events } = await readAllEvents(metricsPath(start.folder));
  tellResult(services, uri, run, rangeTestOf(events, recipe, RANGE_TEST_DEFAULTS.to));
}

/**
 * Shows a range test's progress until it ends, and lets the user cancel it. Returns the run, or undefined if it was
 * deleted.
 */
async function untilEnded(
  { library, runner }: Services,
  folder: string,
): Promise<{ readonly run: ReadableRun | undefined; readonly isCancelled: boolean }> {
  const found = () => {
    const run = library.find(folder);
    return run?.kind === 'run' ? run : undefined;
  };
  const title = plainMessage(vscode.l10n.t('Finding a learning rate'));
  const location = vscode.ProgressLocation.Notification;
  let isCancelled = false;
  await vscode.window.withProgress({ location, title, cancellable: true }, async (progress, cancel) => {
    let steps = 0;
    const hasEnded = () => {
      const run = found();
      if (!run || !isLive(run)) return true;
      const { state, recipe } = run.manifest;
      if (state.status === 'running' && state.step > steps) {
        const totalSteps = recipeFacts(recipe).totalSteps ?? state.step;
        const message = vscode.l10n.t('step {0} of {1}', state.step, totalSteps);
        progress.report({ increment: ((state.step - steps) / totalSteps) * 100, message });
        steps = state.step;
      }
      return false;
    };
    const stop = cancel.onCancellationRequested(() => {
      isCancelled = true;
      const run = found();
      if (run) void runner.stop(run);
    });
    await new Promise<void>((resolve) => {
      const changes = library.onDidChange(() => {
        if (!hasEnded()) return;
        changes.dispose();
        resolve();
      });
      if (hasEnded()) {
        changes.dispose();
        resolve();
      }
    });
    stop.dispose();
  });
  return { run: found(), isCancelled };
}

function tellResult(services: Services, uri: vscode.Uri, run: ReadableRun, result: RangeTestResult): void {
  const { steepest, tenthOfMinimum } = result;
  const texts = [
    steepest.ok
      ? vscode.l10n.t('The loss falls fastest at base_lr {0}.', shown(steepest.learningRate))
      : noSuggestionText(steepest.reason),
    ...(tenthOfMinimum.ok
      ? [
          vscode.l10n.t(
            'One tenth of the learning rate at the loss minimum is {0}.',
            shown(tenthOfMinimum.learningRate),
          ),
        ]
      : tenthOfMinimum.reason === 'still_falling'
        ? [noSuggestionText(tenthOfMinimum.reason)]
        : []),
  ];
  const rates = [steepest, tenthOfMinimum].flatMap((found) => (found.ok ? [shown(found.learningRate)] : []));
  const offers = [...new Set(rates)].map(
    (rate): Offer => ({
      title: vscode.l10n.t('Set base_lr to {0}', rate),
      run: () => setRate(uri, Number(rate)),
    }),
  );
  tell(offers.length > 0 ? 'info' : 'warning', texts.join(' '), ...offers, openRun(services, run));
}

function openRun({ dashboards }: Services, run: ReadableRun): Offer {
  return { title: vscode.l10n.t('Open run'), run: () => dashboards.open(run) };
}

function shown(learningRate: number): string {
  return formatNumber(learningRate, 2);
}

/** Writes `optimizer.base_lr` into the current text of the file. */
async function setRate(uri: vscode.Uri, rate: number): Promise<void> {
  const document = await vscode.workspace.openTextDocument(uri);
  const edit = parsedOf(document).document.setIn(['optimizer', 'base_lr'], rate);
  const outcome = await applyResult(document, edit);
  if (!outcome.ok) tell('warning', vscode.l10n.t('base_lr was not set. {0}', outcome.reason));
}
