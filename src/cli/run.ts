import { resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { Recipe } from '../recipe/recipe';
import { makeReady } from '../runs/queue';
import { createRun, findStore } from '../runs/store';
import { type RunEnd, type RunHandle, startRun } from '../runs/supervisor';
import { duration, percent } from './format';
import { brokenRunFailure, findRun, readExperiment } from './input';
import { barProgress, jsonProgress, lineProgress, type Progress } from './progress';
import { EXIT, type ExitCode, type Terminal } from './terminal';

/** The options of a command that replace what an experiment file says. */
export interface OverrideOptions {
  readonly set?: readonly string[];
  readonly engine?: string;
  readonly seed?: string;
}

export interface RunOptions {
  readonly overrides: readonly string[];
  readonly json: boolean;
  /** Whose store keeps the run; by default the nearest at or above the working folder. */
  readonly folder: string | undefined;
  readonly trainerPath: string;
  /** By name. */
  readonly versions: Readonly<Record<string, string>>;
}

/** `tricks run`: trains an experiment to its end, an interrupt's or its own. */
export async function runCommand(terminal: Terminal, file: string, options: RunOptions): Promise<ExitCode> {
  const { text, recipe, warnings } = await readExperiment(file, options.overrides);
  for (const warning of warnings) terminal.note(warning);
  const root = options.folder === undefined ? await findStore(process.cwd()) : resolve(options.folder);
  const creation = await createRun(root, {
    experimentFile: file,
    experimentText: text,
    recipe,
    versions: options.versions,
  });
  if (!creation.ok) {
    terminal.fail(creation.failure);
    return EXIT.failed;
  }
  return train(terminal, { root, folder: creation.folder, recipe }, options);
}

/** `tricks resume`: trains a run on that ended before it was done, from its last checkpoint. */
export async function resumeCommand(
  terminal: Terminal,
  root: string,
  reference: string,
  options: Pick<RunOptions, 'json' | 'trainerPath'>,
): Promise<ExitCode> {
  const run = await findRun(root, reference);
  if (run.kind === 'broken') {
    terminal.fail(brokenRunFailure(run));
    return EXIT.failed;
  }
  const failure = await makeReady(run.folder);
  if (failure) {
    terminal.fail(failure);
    return EXIT.failed;
  }
  return train(terminal, { root, folder: run.folder, recipe: run.manifest.recipe }, options);
}

/** Trains the run in a folder to its end, an interrupt's or its own. */
async function train(
  terminal: Terminal,
  { root, folder, recipe }: { readonly root: string; readonly folder: string; readonly recipe: Recipe },
  { json, trainerPath }: Pick<RunOptions, 'json' | 'trainerPath'>,
): Promise<ExitCode> {
  const progress = json
    ? jsonProgress(terminal)
    : terminal.output.isTTY
      ? barProgress(terminal, recipe)
      : lineProgress(terminal, recipe);
  const run = startRun(folder, { nodePath: process.execPath, trainerPath });
  const exitCode = report(terminal, await follow(terminal, run, progress), json);
  const tell = json ? terminal.note : terminal.print;
  tell.call(terminal, l10n.t('Run: {0}', folder));
  tell.call(
    terminal,
    l10n.t('To see its curves, open {0} in VS Code and choose the run in the Bag of Tricks view.', root),
  );
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
function report(terminal: Terminal, state: RunEnd, json: boolean): ExitCode {
  const tell = (text: string) => (json ? terminal.note(text) : terminal.print(text));
  switch (state.status) {
    case 'done': {
      const { epochs, validationAccuracy, bestValidationAccuracy, seconds } = state.result;
      const line = l10n.t(
        'Done: validation accuracy {0} (best {1}) after {2} epochs in {3}.',
        percent(validationAccuracy),
        percent(bestValidationAccuracy),
        epochs,
        duration(seconds),
      );
      tell(json ? line : terminal.paint('green', line));
      return EXIT.done;
    }
    case 'stopped':
      tell(l10n.t('Stopped after {0} steps. To go on: {1}', state.step, 'tricks resume'));
      return EXIT.stopped;
    case 'paused':
      tell(l10n.t('Paused after {0} steps. To go on: {1}', state.step, 'tricks resume'));
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
    default: {
      const unknown: never = state;
      throw new Error(`Unknown state ${JSON.stringify(unknown)}`);
    }
  }
}

/** The overrides that the options `--engine` and `--seed` stand for, after those of `--set`. */
export function overridesOf({ set = [], engine, seed }: OverrideOptions): string[] {
  return [
    ...set,
    ...(engine === undefined ? [] : [`engine=${engine}`]),
    ...(seed === undefined ? [] : [`seed=${seed}`]),
  ];
}
