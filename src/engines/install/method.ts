import type { Source } from '../../protocol/install';
import type { Failure } from '../../shared/failure';
import type { NativeEngine } from '../installations';
import { multipliesBfloat16 } from '../processor';
import type { PackageFetching } from './packages';

/**
 * The sources in the order to try them: what is compiled already first, but to compute on a processor that multiplies
 * bfloat16 the wheel, whose newer library is the one that is faster in it than in float32.
 *
 * @param flags The processor's; null where they are not known.
 */
export function sourcesFor(engine: NativeEngine, flags: readonly string[] | null): readonly Source[] {
  return engine === 'tensorflow' && flags && multipliesBfloat16(flags)
    ? ['wheel', 'prebuilt']
    : ['prebuilt', 'wheel'];
}

/** What allows files without a published hash, on the command line. */
export const ALLOW_UNVERIFIED = '--allow-unverified';

/** A way to install an engine. */
export interface InstallMethod {
  readonly source: Source;
  /** What it brings, by name. */
  readonly versions: Readonly<Record<string, string>>;
  /** The files of it that have no published hash: what they hold is checked by nothing but the server's own word. */
  readonly unverified: readonly string[];
  /** The disk space that it takes while it installs. */
  readonly neededBytes: number;
  /** The problem that this machine has with it, found before anything is downloaded; null where there is none. */
  problem(signal: AbortSignal): Promise<Failure | null>;
  /** As `problem`, of the GPU that it is for and its driver. */
  gpuProblem(signal: AbortSignal): Promise<Failure | null>;
  /** Puts a whole installation together in the folder `complete` of `work`, where what it takes may lie as well. */
  assemble(work: string, options: PackageFetching): Promise<Assembled>;
}

export interface Assembled {
  /** The addon's path below the installation. */
  readonly addon: string;
  readonly bytes: number;
}
