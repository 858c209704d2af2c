import { basename } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { Recipe } from '../recipe/recipe';
import { type RunEnd, type RunHandle, startRun } from '../runs/supervisor';
import { assertNever } from '../shared/assertNever';
import { formatDuration, formatPercent } from '../shared/format';
import type { JsonOption } from './options';
import { TRAINER_PATH } from './package';
import { barProgress, jsonProgress, lineProgress, type Progress } from './progress';
import { EXIT, type ExitCode, type Line, paint, type Terminal } from './terminal';

/** Trains the run in a folder to its end, an interrupt's or its own. */
export async function train(
  terminal: Terminal,
  { root, folder, recipe }: { readonly root: string; readonly folder: string; readonly recipe: Recipe },
  { json = false }: JsonOption,
): Promise<ExitCode> {
  const progress = json
    ? jsonProgress(terminal)
    : terminal.isInteractive
      ? barProgress(terminal, recipe)
      : lineProgress(terminal, recipe);
  const run = startRun(folder, { nodePath: process.execPath, trainerPath: TRAINER_PATH });
  const end = await follow(terminal, run, progress);
  const id = basename(folder);
  const exitCode = report(terminal, end, id, json);
  const tell = (line: Line) => (json ? terminal.note(line) : terminal.print(line));
  tell(l10n.t('Run: {0}', folder));
  tell(l10n.t('To see its curves, open {0} in VS Code and choose the run in the Bag of Tricks view.', root));
  if (end.status === 'done') {
    tell(l10n.t('Show its epochs and worst classes: {0}', `tricks show ${id}`));
    tell(l10n.t('Classify images with it: {0}', `tricks predict ${id} IMAGE...`));
    tell(l10n.t('Export the model: {0}', `tricks export ${id} --onnx model.onnx`));
  }
  return exitCode;
}

/** Shows a run until it ends; the first interrupt stops it, the second kills it. */
async function follow(terminal: Terminal, run: RunHandle, progress: Progress): Promise<RunEnd> {
  run.on('events', ({ events }) => {
    for (const event of events) progress.show(event);
  });
  const stop = () => void run.stop();
  let interrupted = false;
  const interrupt = () => {
    if (interrupted) return void run.kill();
    interrupted = true;
    terminal.note(l10n.t('Stopping after this step. Interrupt again to end at once.'));
    stop();
  };
  terminal.closed.addEventListener('abort', stop, { once: true });
  process.on('SIGINT', interrupt).on('SIGTERM', stop).on('SIGHUP', stop);
  try {
    return await run.exited;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', stop).off('SIGHUP', stop);
    progress.end();
  }
}

/** The run's result line; on standard error where the output is for programs. */
function report(terminal: Terminal, state: RunEnd, id: string, json: boolean): ExitCode {
  const tell = (line: Line) => (json ? terminal.note(line) : terminal.print(line));
  switch (state.status) {
    case 'done': {
      const { epochs, validationAccuracy, bestValidationAccuracy, seconds } = state.result;
      const line = l10n.t(
        'Done: validation accuracy {0} (best {1}) after {2} epochs in {3}.',
        formatPercent(validationAccuracy),
        formatPercent(bestValidationAccuracy),
        epochs,
        formatDuration(seconds),
      );
      tell(json ? line : paint('green', line));
      return EXIT.done;
    }
    case 'stopped':
      tell(l10n.t('Stopped after {0} steps. To go on: {1}', state.step, `tricks resume ${id}`));
      return EXIT.stopped;
    case 'paused':
      tell(l10n.t('Paused after {0} steps. To go on: {1}', state.step, `tricks resume ${id}`));
      return EXIT.stopped;
    case 'failed':
      terminal.fail(state.failure);
      return EXIT.failed;
    case 'interrupted':
      tell(l10n.t('Interrupted: the trainer went away without a word.'));
      return EXIT.failed;
    case 'queued':
      tell(l10n.t('The trainer crashed. The run is in the queue again.'));
      return EXIT.failed;
    default:
      return assertNever(state);
  }
}
