import { dirname, relative } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { Failure } from '../../shared/failure';
import { UserError } from '../../shared/userError';
import { execFile } from '../../system/children';

/** What to compile: the addon's sources into one library that finds its libraries by where it lies itself. */
export interface Compilation {
  readonly sources: readonly string[];
  readonly includeFolders: readonly string[];
  /** The folder with the libraries, by file name. */
  readonly librariesFolder: string;
  readonly libraries: readonly string[];
  readonly output: string;
}

/** Node's interface that the addon is written for: version 8, in every Node since 12.22. */
const NAPI_VERSION = 8;

/**
 * Compiles the addon with the system's C++ compiler: CXX, or the first of c++, g++ and clang++.
 *
 * @throws UserError without a compiler, or when it fails; the signal's reason when aborted
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
        // Every function is found as the addon loads: one that a library lacks fails then, and not in a run.
        ...['-shared', '-fPIC', `-L${librariesFolder}`, `-Wl,-rpath,${within('$ORIGIN')}`, '-Wl,-z,now'],
        ...libraries.map((library) => `-l:${library}`),
      ];
  const flags = ['-std=c++17', '-O2', '-w', `-DNAPI_VERSION=${NAPI_VERSION}`];
  const includes = includeFolders.map((folder) => `-I${folder}`);
  try {
    await execFile(compiler, [...flags, ...includes, ...sources, '-o', output, ...linking], { signal });
  } catch (error) {
    signal.throwIfAborted();
    const { stderr = '' } = error as { stderr?: string };
    const line = stderr.split('\n').find((each) => /error|cannot find/i.test(each)) ?? String(error);
    throw new UserError(
      {
        what: l10n.t('{0} could not compile the addon: {1}', compiler, line.trim()),
        remedy: l10n.t('Install a C++17 compiler (such as g++ 9 or later), or name one in CXX.'),
      },
      { cause: error },
    );
  }
}

/**
 * Why nothing can be compiled here, and what to do; null where there is a compiler.
 *
 * @throws the signal's reason when aborted
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
        : l10n.t('Install one, such as the package g++ of Debian or Fedora, then try again.'),
  };
}
