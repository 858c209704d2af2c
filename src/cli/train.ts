import { basename } from 'node:path';
import * as l10n from '@vscode/l10n';
import { pythonText } from '../protocol/manifest';
import { type AnyRecipe, isCommandRecipe, recipeFacts } from '../recipe/anyRecipe';
import { canResume } from '../runs/commandRun';
import { readManifest } from '../runs/store';
import { type RunEnd, type RunHandle, startRun } from '../runs/supervisor';
import type { TrainerCommand } from '../runs/trainerCommand';
import { assertNever } from '../shared/assertNever';
import { counted } from '../shared/counted';
import { formatAccuracy, formatDuration } from '../shared/format';
import { barProgress, jsonProgress, lineProgress, type Progress } from './drawing/progress';
import type { JsonOption } from './options';
import { commandsAt } from './output';
import { TRAINER_PATH } from './package';
import { writtenLog } from './runFacts';
import { EXIT, type ExitCode, type Line, noteLines, paint, type Terminal } from './terminal';

/**
 * Trains the run in a folder until it ends or is interrupted.
 *
 * @param changes overrides for the trainer's start
 */
export async function train(
  terminal: Terminal,
  { root, folder, recipe }: { readonly root: string; readonly folder: string; readonly recipe: AnyRecipe },
  { json = false }: JsonOption,
  changes: Partial<TrainerCommand> = {},
): Promise<ExitCode> {
  const progress = progressOf(terminal, recipe, json);
  const run = startRun(folder, { nodePath: process.execPath, trainerPath: TRAINER_PATH, ...changes });
  const end = await follow(terminal, run, progress);
  const id = basename(folder);
  const command = await commandsAt(root);
  const resume = command(`tricks resume ${id}`);
  const exitCode = report(terminal, end, { folder, recipe, resume, json });
  const tell = (line: Line) => (json ? terminal.note(line) : terminal.print(line));
  const reading = await readManifest(folder);
  if (reading.ok && reading.manifest.python) tell(l10n.t('Python: {0}', pythonText(reading.manifest.python)));
  tell(l10n.t('Run: {0}', folder));
  tell(l10n.t('To see its curves, open {0} in VS Code and choose the run in the Bag of Tricks view.', root));
  if (end.status === 'done' && isCommandRecipe(recipe)) {
    tell(l10n.t('Show its epochs: {0}', command(`tricks show ${id}`)));
  } else if (end.status === 'done') {
    tell(l10n.t('Show its epochs and worst classes: {0}', command(`tricks show ${id}`)));
    tell(l10n.t('Classify images with it: {0}', command(`tricks predict ${id} IMAGE...`)));
    tell(l10n.t('Export the model: {0}', command(`tricks export ${id} --onnx model.onnx`)));
  }
  return exitCode;
}

function progressOf(terminal: Terminal, recipe: AnyRecipe, json: boolean): Progress {
  if (json) return jsonProgress(terminal);
  const bar = terminal.isInteractive ? terminal.statusLine() : null;
  return bar ? barProgress(terminal, bar, recipe) : lineProgress(terminal, recipe);
}

/** Shows a run until it ends. The first interrupt stops it, the second kills it. */
async function follow(terminal: Terminal, run: RunHandle, progress: Progress): Promise<RunEnd> {
  run.on('events', ({ events }) => {
    for (const event of events) progress.show(event);
  });
  const stop = () => void run.stop();
  let interrupted = false;
  const interrupt = () => {
    if (interrupted) return void run.kill();
    interrupted = true;
    terminal.note(l10n.t('Stopping after this step. Interrupt again to stop immediately.'));
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

/** The parts of a run's result line. */
interface Reported {
  readonly folder: string;
  readonly recipe: AnyRecipe;
  /** The command that resumes the run. */
  readonly resume: string;
  readonly json: boolean;
}

/** Prints a run's result line, on standard error if the output is for programs. */
function report(terminal: Terminal, state: RunEnd, { folder, recipe, resume, json }: Reported): ExitCode {
  const tell = (line: Line) => (json ? terminal.note(line) : terminal.print(line));
  switch (state.status) {
    case 'done': {
      const { epochs, validationAccuracy, bestValidationAccuracy, seconds } = state.result;
      const { validationImages } = recipeFacts(recipe);
      const line = l10n.t(
        'Done: validation accuracy {0} (best {1}) after {2} in {3}.',
        formatAccuracy(validationAccuracy, validationImages),
        formatAccuracy(bestValidationAccuracy, validationImages),
        counted(epochs, 'epoch'),
        formatDuration(seconds),
      );
      tell(json ? line : paint('green', line));
      for (const noteLine of noteLines(state.result, writtenLog(folder))) tell(noteLine);
      return EXIT.done;
    }
    case 'stopped':
      tell(
        canResume(recipe)
          ? l10n.t('Stopped after {0}. To resume: {1}', counted(state.step, 'step'), resume)
          : l10n.t('Stopped. The command cannot resume. To start over: {0}', resume),
      );
      return EXIT.stopped;
    case 'paused':
      tell(l10n.t('Paused after {0}. To resume: {1}', counted(state.step, 'step'), resume));
      return EXIT.stopped;
    case 'failed':
      terminal.fail(state.failure, writtenLog(folder));
      return EXIT.failed;
    case 'interrupted':
      tell(l10n.t('Interrupted: the trainer exited unexpectedly. To resume: {0}', resume));
      return EXIT.failed;
    case 'queued':
      tell(l10n.t('The trainer crashed. The run is back in the queue.'));
      return EXIT.failed;
    default:
      return assertNever(state);
  }
}
