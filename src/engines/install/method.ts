import type { Source } from '../../protocol/install';
import type { Failure } from '../../shared/failure';
import type { NativeEngine } from '../installations';
import { multipliesBfloat16 } from '../processor';
import type { PackageFetching } from './packages';

/**
 * Returns the sources in the order to try them. Prebuilt files come first. On a processor with bfloat16 multiplication,
 * the wheel comes first, because only its newer library is faster in bfloat16 than in float32.
 *
 * @param flags the processor's flags; null if they are not known
 */
export function sourcesFor(engine: NativeEngine, flags: readonly string[] | null): readonly Source[] {
  return engine === 'tensorflow' && flags && multipliesBfloat16(flags)
    ? ['wheel', 'prebuilt']
    : ['prebuilt', 'wheel'];
}

/** The command-line option that allows files without a published hash. */
export const ALLOW_UNVERIFIED = '--allow-unverified';

/** A way to install an engine. */
export interface InstallMethod {
  readonly source: Source;
  /** The versions that it installs, by name. */
  readonly versions: Readonly<Record<string, string>>;
  /** Its files without a published hash. Only the server vouches for their contents. */
  readonly unverified: readonly string[];
  /** The disk space needed during installation. */
  readonly neededBytes: number;
  /** Returns the problem with it on this machine, found before any download; null if there is none. */
  problem(signal: AbortSignal): Promise<Failure | null>;
  /** Like `problem`, for the GPU and its driver. */
  gpuProblem(signal: AbortSignal): Promise<Failure | null>;
  /**
   * Builds a complete installation in the folder `complete` of `work`. May use the rest of `work` for temporary files.
   */
  assemble(work: string, options: PackageFetching): Promise<Assembled>;
}

export interface Assembled {
  /** The addon's path relative to the installation. */
  readonly addon: string;
  readonly bytes: number;
}
