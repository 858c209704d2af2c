import * as l10n from '@vscode/l10n';
import type { PythonReport } from '../../protocol/manifest';
import { PYTHON } from '../../protocol/trainer';
import { assertNever } from '../../shared/assertNever';
import type { Failure } from '../../shared/failure';

/** A virtual environment or a conda environment. */
export interface PythonEnvironment {
  readonly kind: 'venv' | 'conda';
  readonly folder: string;
  /** As conda names it in CONDA_DEFAULT_ENV; of a virtual environment, its folder. */
  readonly name: string;
}

/** How a Python was named or found. */
export type PythonSource =
  /** The editor's setting. */
  | 'setting'
  /** The environment variable. */
  | 'variable'
  /** The interpreter that is selected in the Python extension. */
  | 'selected'
  /** The environment that is activated in the shell. */
  | 'activated'
  /** An environment in the working directory. */
  | 'folder'
  /** Conda's base environment, which many shells activate by themselves. */
  | 'base'
  | 'path';

/** What is at a path that may be a Python or its environment. */
export type FoundPython =
  | {
      readonly outcome: 'python';
      readonly program: string;
      /** Null for a Python outside of environments. */
      readonly environment: PythonEnvironment | null;
    }
  | { readonly outcome: 'missing' }
  /** A folder without a Python that exists. */
  | { readonly outcome: 'no_python' }
  /** A relative path that nothing says the start of. */
  | { readonly outcome: 'relative' };

export interface PythonCandidate {
  readonly source: PythonSource;
  /** The path, as it was named or found. */
  readonly path: string;
  readonly found: FoundPython;
}

/** The Python of a command. */
export type PythonChoice =
  | {
      readonly kind: 'python';
      readonly source: PythonSource;
      readonly program: string;
      readonly environment: PythonEnvironment | null;
      /** Environments that come first but do not work. */
      readonly skipped: readonly string[];
    }
  /** The command chooses its Python itself, such as `uv run`. */
  | { readonly kind: 'launcher'; readonly words: string }
  /** No Python was found. */
  | { readonly kind: 'none' };

export type ChoosingResult =
  | { readonly ok: true; readonly choice: PythonChoice }
  | { readonly ok: false; readonly failure: Failure };

/** The setting with a person's Python, by its name in the editor. */
const SETTING = 'bagOfTricks.python';

/**
 * Chooses the first candidate that is a Python. One that a person named must exist. Others are skipped if they have none.
 */
export function choosePython(candidates: readonly PythonCandidate[]): ChoosingResult {
  const skipped: string[] = [];
  for (const { source, path, found } of candidates) {
    if (found.outcome === 'python' && (isNamed(source) || found.environment || source === 'path')) {
      const { program, environment } = found;
      return { ok: true, choice: { kind: 'python', source, program, environment, skipped } };
    }
    if (isNamed(source)) return { ok: false, failure: failureOf(source, path, found.outcome) };
    if (found.outcome !== 'missing' || source === 'activated') skipped.push(path);
  }
  return { ok: true, choice: { kind: 'none' } };
}

/** Whether a person named it, and not the circumstances. */
function isNamed(source: PythonSource): source is 'setting' | 'variable' | 'selected' {
  return source === 'setting' || source === 'variable' || source === 'selected';
}

function failureOf(
  source: 'setting' | 'variable' | 'selected',
  path: string,
  outcome: FoundPython['outcome'],
): Failure {
  return { what: whatIsWrong(source, path, outcome), remedy: remedyOf(source) };
}

function whatIsWrong(
  source: 'setting' | 'variable' | 'selected',
  path: string,
  outcome: FoundPython['outcome'],
): string {
  const where = nameOf(source);
  switch (outcome) {
    case 'relative':
      return l10n.t('{0} is {1}, which is a relative path.', where, path);
    case 'no_python':
      return l10n.t('{0} is {1}, but that folder has no Python.', where, path);
    case 'missing':
    case 'python':
      return l10n.t('{0} is {1}, which does not exist.', where, path);
    default:
      return assertNever(outcome);
  }
}

function nameOf(source: 'setting' | 'variable' | 'selected'): string {
  switch (source) {
    case 'setting':
      return l10n.t('The setting {0}', SETTING);
    case 'variable':
      return l10n.t('The variable {0}', PYTHON);
    case 'selected':
      return l10n.t('The interpreter selected in the Python extension');
    default:
      return assertNever(source);
  }
}

function remedyOf(source: 'setting' | 'variable' | 'selected'): string {
  switch (source) {
    case 'setting':
    case 'variable': {
      const name = source === 'setting' ? SETTING : PYTHON;
      return l10n.t(
        'Set {0} to the full path of a Python or of its environment, or to nothing to use the one that is found.',
        name,
      );
    }
    case 'selected':
      return l10n.t(
        'Run the command {0}, or name a Python in the setting {1}.',
        'Python: Select Interpreter',
        SETTING,
      );
    default:
      return assertNever(source);
  }
}

/**
 * Returns what a run records of its Python. Null if there is none.
 *
 * @param outside the command's program if it belongs to Python but is not in the environment
 */
export function pythonReport(choice: PythonChoice, outside: string | null = null): PythonReport | null {
  switch (choice.kind) {
    case 'none':
      return null;
    case 'launcher':
      return { path: null, because: l10n.t('chosen by {0}', choice.words) };
    case 'python': {
      const parts = [
        reasonOf(choice),
        ...choice.skipped.map((path) => l10n.t('{0} is no working Python environment', path)),
        ...(outside === null ? [] : [l10n.t('{0} is not in this environment', outside)]),
      ];
      return { path: choice.program, because: parts.join('; ') };
    }
    default:
      return assertNever(choice);
  }
}

function reasonOf({ source, environment }: Extract<PythonChoice, { kind: 'python' }>): string {
  const isConda = environment?.kind === 'conda';
  switch (source) {
    case 'setting':
      return l10n.t('from the setting {0}', SETTING);
    case 'variable':
      return l10n.t('from the variable {0}', PYTHON);
    case 'selected':
      return l10n.t('selected in the Python extension');
    case 'activated':
    case 'base':
      return isConda
        ? l10n.t('activated conda environment {0}', environment.name)
        : l10n.t('activated virtual environment');
    case 'folder':
      return isConda
        ? l10n.t('conda environment in the working directory')
        : l10n.t('virtual environment in the working directory');
    case 'path':
      return l10n.t('first on PATH');
    default:
      return assertNever(source);
  }
}
