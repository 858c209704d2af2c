import { statSync } from 'node:fs';
import { constants } from 'node:os';
import * as l10n from '@vscode/l10n';
import type { CommandRecipe } from '../recipe/commandRecipe';
import { tellingLines } from '../runs/ending';
import { assertNever } from '../shared/assertNever';
import type { Failure } from '../shared/failure';
import { UserError } from '../shared/userError';
import { isSystemError } from '../system/errors';
import type { ReadyCommand } from './commandLine';
import type { CommandExit } from './commandProcess';
import { batchSizeOption, crashReason, type Memory, workersOption } from './crashReason';
import { isPython } from './python/programName';

/** Exit codes of a shell or a container for a program that a signal ended. */
const SIGNAL_EXIT = 128;

/** How a command failed. */
export interface Crash {
  readonly exit: CommandExit;
  /** The last lines of its output. */
  readonly lines: readonly string[];
  /** Whether the system ended no process for lack of memory while the command ran. Null if it does not tell. */
  readonly hadMemory: boolean | null;
}

/** The failure of a run whose command ended with an error. */
export function crashFailure(recipe: CommandRecipe, ready: ReadyCommand, crash: Crash): Failure {
  const log = tellingLines(withoutLauncher(crash.lines).join('\n'));
  return { ...explanation(recipe, ready, crash), ...(log !== '' && { log }) };
}

/** Leaves out what torchrun prints after one of its processes failed: its own traceback, and a summary. */
function withoutLauncher(lines: readonly string[]): readonly string[] {
  const end = lines.findIndex((line) => /^E\d{4} .*\bfailed \(exitcode: -?\d+\)/.test(line));
  return end < 1 ? lines : lines.slice(0, end);
}

function explanation(recipe: CommandRecipe, ready: ReadyCommand, { exit, lines, hadMemory }: Crash): Failure {
  const reason = crashReason(lines);
  switch (reason.kind) {
    case 'memory':
      return { what: reason.what, remedy: memoryRemedy(recipe, reason.of) };
    case 'signal':
      return reason.signal === 'SIGKILL'
        ? killed(recipe, hadMemory)
        : { what: l10n.t('A process of the command was killed by {0}.', reason.signal), remedy: seeOutput() };
    case 'unsafe_checkpoint':
      return { what: reason.what, remedy: checkpointRemedy(reason.type) };
    case 'module':
      return { what: reason.what, remedy: moduleRemedy(reason.module, interpreterOf(ready)) };
    case 'error':
      return {
        what: reason.what,
        remedy: /: can't open file '.*': \[Errno 2\]/.test(reason.what) ? noScript() : seeOutput(),
      };
    case 'unknown':
      return unexplained(recipe, exit, hadMemory);
    default:
      return assertNever(reason);
  }
}

function unexplained(
  recipe: CommandRecipe,
  { code, signal }: CommandExit,
  hadMemory: boolean | null,
): Failure {
  if (signal === 'SIGKILL' || code === SIGNAL_EXIT + constants.signals.SIGKILL) {
    return killed(recipe, hadMemory);
  }
  return signal === null
    ? { what: l10n.t('The command exited with code {0}.', code ?? '?'), remedy: seeOutput() }
    : { what: l10n.t('The command was killed by {0}.', signal), remedy: seeOutput() };
}

function killed(recipe: CommandRecipe, hadMemory: boolean | null): Failure {
  return hadMemory
    ? {
        what: l10n.t('The command was killed by {0}.', 'SIGKILL'),
        remedy: l10n.t(
          'Look for what killed it, such as a person, a job limit or a memory daemon. Linux itself ended no process for lack of memory meanwhile.',
        ),
      }
    : {
        what: l10n.t('The command was killed, probably because the machine ran out of memory.'),
        remedy: memoryRemedy(recipe, 'machine'),
      };
}

/** The remedy if Python does not find the script, as with a working directory that is still to be set. */
function noScript(): string {
  return l10n.t('Set {0} to the folder of the script.', 'trainer.working_directory');
}

function seeOutput(): string {
  return l10n.t('See the output of the command, then run again.');
}

function memoryRemedy({ system, command }: CommandRecipe, memory: Memory): string {
  const named = ({ option }: { readonly option: string }) => option.replace(/=$/, '');
  const workers = named(workersOption(system, command));
  const batch = batchSizeOption(system, command);
  switch (memory) {
    case 'shared':
      return l10n.t(
        'Use fewer data loading workers ({0}), or give the container more shared memory, such as with {1}.',
        workers,
        'docker run --shm-size=8g',
      );
    case 'machine':
      return l10n.t(
        'This is memory of the machine, not of a GPU. Use fewer data loading workers ({0}) or a smaller batch size ({1}), then run again.',
        workers,
        named(batch),
      );
    case 'device': {
      const half = Math.floor((batch.value ?? 0) / 2);
      if (half < 1) return l10n.t('Use a smaller batch size ({0}), then run again.', named(batch));
      const written = batch.option.endsWith('=') ? `${batch.option}${half}` : `${batch.option} ${half}`;
      return l10n.t(
        'Try half the batch size: {0}. The largest one that fits depends on the network and the images.',
        written,
      );
    }
    default:
      return assertNever(memory);
  }
}

/** The environment variable works only for programs that leave PyTorch's default in place. */
function checkpointRemedy(type: string): string {
  return l10n.t(
    'PyTorch refuses {0} in the checkpoint. If the program wrote it itself, set the environment variable {1} and resume. If that does not help, add {2} to the training script.',
    type,
    'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1',
    `torch.serialization.add_safe_globals([${type}])`,
  );
}

function moduleRemedy(module: string, interpreter: string): string {
  return l10n.t(
    'The Python {0} does not have {1}. Install it there, or select another Python environment.',
    interpreter,
    module,
  );
}

/** The Python that a command probably used. */
function interpreterOf({ word, program, python }: ReadyCommand): string {
  const name = word.replace(/^.*[\\/]/, '');
  if (isPython(name)) return program;
  return python.kind === 'python' ? python.program : l10n.t('of {0}', word);
}

/** The failure of a command whose program does not exist. */
export function missingProgramFailure({ word }: ReadyCommand): Failure {
  return {
    what: l10n.t('Cannot find {0}.', word),
    remedy: isPython(word)
      ? l10n.t('Install Python, or activate the Python environment of the command, then run again.')
      : l10n.t('Check the name in the command, and whether the program is on PATH in this environment.'),
  };
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Explains why a command could not be started. */
export function startError({ program, word }: ReadyCommand, error: unknown): unknown {
  if (isSystemError(error, 'EACCES', 'EPERM')) {
    return new UserError(
      {
        ...(isFolder(program)
          ? {
              what: l10n.t('{0} is a folder, not a program.', program),
              remedy: l10n.t('Start the command in the experiment file with a program.'),
            }
          : {
              what: l10n.t('{0} is not executable.', program),
              remedy: l10n.t(
                'Make it executable, or start it with its interpreter, such as python {0}.',
                word,
              ),
            }),
      },
      { cause: error },
    );
  }
  if (isSystemError(error, 'ENOENT', 'ENOEXEC')) {
    return new UserError(
      {
        what: l10n.t('{0} cannot be started.', program),
        remedy: l10n.t('Check that it is a program for this system, and that its interpreter exists.'),
      },
      { cause: error },
    );
  }
  return error;
}
