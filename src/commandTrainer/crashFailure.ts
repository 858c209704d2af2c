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
import { batchSizeOption, crashReason } from './crashReason';
import { isPython } from './python/programName';

/** Exit codes of a shell or a container for a program that a signal ended. */
const SIGNAL_EXIT = 128;

/** The failure of a run whose command ended with an error. `lines` are the last of its output. */
export function crashFailure(
  recipe: CommandRecipe,
  ready: ReadyCommand,
  exit: CommandExit,
  lines: readonly string[],
): Failure {
  const log = tellingLines(lines.join('\n'));
  return { ...explanation(recipe, ready, exit, lines), ...(log !== '' && { log }) };
}

function explanation(
  recipe: CommandRecipe,
  ready: ReadyCommand,
  exit: CommandExit,
  lines: readonly string[],
): Failure {
  const reason = crashReason(lines);
  switch (reason.kind) {
    case 'memory':
      return { what: reason.what, remedy: memoryRemedy(recipe) };
    case 'module':
      return { what: reason.what, remedy: moduleRemedy(reason.module, interpreterOf(ready)) };
    case 'error':
      return { what: reason.what, remedy: l10n.t('See the output of the command, then run again.') };
    case 'unknown':
      return unexplained(recipe, exit);
    default:
      return assertNever(reason);
  }
}

function unexplained(recipe: CommandRecipe, { code, signal }: CommandExit): Failure {
  if (signal === 'SIGKILL' || code === SIGNAL_EXIT + constants.signals.SIGKILL) {
    return {
      what: l10n.t('The command was killed, probably because the machine ran out of memory.'),
      remedy: memoryRemedy(recipe),
    };
  }
  const remedy = l10n.t('See the output of the command, then run again.');
  return signal === null
    ? { what: l10n.t('The command exited with code {0}.', code ?? '?'), remedy }
    : { what: l10n.t('The command was killed by {0}.', signal), remedy };
}

function memoryRemedy({ system, command }: CommandRecipe): string {
  const { option, value } = batchSizeOption(system, command);
  const half = Math.floor((value ?? 0) / 2);
  if (half < 1) return l10n.t('Use a smaller batch size ({0}), then run again.', option.replace(/=$/, ''));
  const written = option.endsWith('=') ? `${option}${half}` : `${option} ${half}`;
  return l10n.t('Use a smaller batch size, such as {0}, then run again.', written);
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

/** Explains why a command could not be started. */
export function startError({ program, word }: ReadyCommand, error: unknown): unknown {
  if (isSystemError(error, 'EACCES', 'EPERM')) {
    return new UserError(
      {
        what: l10n.t('{0} is not executable.', program),
        remedy: l10n.t('Make it executable, or start it with its interpreter, such as python {0}.', word),
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
