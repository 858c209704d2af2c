import { dirname, relative } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { Failure } from '../../shared/failure';
import { UserError } from '../../shared/userError';
import { execFile } from '../../system/children';

/** A compilation of the addon's sources into one library, which finds its libraries relative to its own location. */
export interface Compilation {
  readonly sources: readonly string[];
  readonly includeFolders: readonly string[];
  /** The folder that contains the libraries, listed by file name. */
  readonly librariesFolder: string;
  readonly libraries: readonly string[];
  readonly output: string;
}

/** The Node-API version of the addon: version 8, available in every Node since 12.22. */
const NAPI_VERSION = 8;

/**
 * Compiles the addon with the system's C++ compiler: CXX, or the first of c++, g++ and clang++.
 *
 * @throws UserError if there is no compiler or it fails; the signal's reason if aborted
 */
export async function compileAddon(compilation: Compilation, signal: AbortSignal): Promise<void> {
  const compiler = await findCompiler(signal);
  if (compiler === null) throw new UserError(noCompiler());
  const { sources, includeFolders, librariesFolder, libraries, output } = compilation;
  const isMac = process.platform === 'darwin';
  const place = relative(dirname(output), librariesFolder);
  const within = (origin: string) => (place === '' ? origin : `${origin}/${place}`);
  const linking = isMac
    ? [
        ...['-bundle', '-undefined', 'dynamic_lookup', `-Wl,-rpath,${within('@loader_path')}`],
        ...libraries.map((library) => `${librariesFolder}/${library}`),
      ]
    : [
        // Binds every function at load time. A function that a library lacks then fails on load, and not during a run.
        ...['-shared', '-fPIC', `-L${librariesFolder}`, `-Wl,-rpath,${within('$ORIGIN')}`, '-Wl,-z,now'],
        ...libraries.map((library) => `-l:${library}`),
      ];
  const flags = ['-std=c++17', '-O2', '-w', `-DNAPI_VERSION=${NAPI_VERSION}`];
  const includes = includeFolders.map((folder) => `-I${folder}`);
  try {
    await execFile(compiler, [...flags, ...includes, ...sources, '-o', output, ...linking], { signal });
  } catch (error) {
    // An interrupt from the terminal also ends the compiler. That event may arrive just before the signal.
    await new Promise((resolve) => setImmediate(resolve));
    signal.throwIfAborted();
    const { stderr = '' } = error as { stderr?: string };
    const line = stderr.split('\n').find((each) => /error|cannot find/i.test(each)) ?? String(error);
    throw new UserError(
      {
        what: l10n.t('{0} could not compile the addon: {1}', compiler, line.trim()),
        remedy: l10n.t('Install a C++17 compiler (such as g++ 9 or later), or set CXX to one.'),
      },
      { cause: error },
    );
  }
}

/**
 * Explains why nothing can be compiled here, and how to fix it; null if there is a compiler.
 *
 * @throws the signal's reason if aborted
 */
export async function compilerProblem(signal: AbortSignal): Promise<Failure | null> {
  return (await findCompiler(signal)) === null ? noCompiler() : null;
}

async function findCompiler(signal: AbortSignal): Promise<string | null> {
  for (const candidate of candidates()) {
    try {
      await execFile(candidate, ['--version'], { signal });
      return candidate;
    } catch {
      signal.throwIfAborted();
    }
  }
  return null;
}

function candidates(): string[] {
  return process.env.CXX ? [process.env.CXX] : ['c++', 'g++', 'clang++'];
}

function noCompiler(): Failure {
  return {
    what: l10n.t('There is no C++ compiler: {0} did not start.', candidates().join(', ')),
    remedy:
      process.platform === 'darwin'
        ? l10n.t('Install one with "xcode-select --install", then try again.')
        : l10n.t('Install one, such as g++ (apt install g++, or dnf install gcc-c++), then try again.'),
  };
}
