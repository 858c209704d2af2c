import * as l10n from '@vscode/l10n';
import type { EngineReport } from '../protocol/events';
import type { EngineName } from '../recipe/engineNames';
import { UserError } from '../shared/userError';
import type { HalfFormat } from './precision/formats';

/** Picks the fields of an engine that go into a run's log and manifest. */
export function reportOf({ name, description, because, threads, halfFormats = [] }: Engine): EngineReport {
  return {
    ...{ name, description, halfFormats },
    ...(because && { because }),
    ...(threads !== undefined && { threads }),
  };
}

/** A loaded engine. */
export interface Engine {
  readonly name: EngineName;
  /** The hardware and mode, such as `WebAssembly, SIMD, 1 thread`. */
  readonly description: string;
  /** Version by component: `node`, `tfjs`, and the engine's other components. */
  readonly versions: Readonly<Record<string, string>>;
  /** The half formats it computes in natively. Absent if it emulates both. */
  readonly halfFormats?: readonly HalfFormat[];
  /** The half formats that are slower than float32 on this engine, each with a sentence about the consequence. */
  readonly slowFormats?: Readonly<Partial<Record<HalfFormat, string>>>;
  /** Why `auto` chose this engine, in sentences. Absent if the user named it. */
  readonly because?: readonly string[];
  /** The number of compute threads, if the digits of a result depend on it. Absent if they do not. */
  readonly threads?: number;
  /**
   * Returns the engine with each batch split among several threads (see ../training/parallel). Absent if the engine
   * uses all threads by itself.
   */
  readonly onThreads?: (count: number) => Engine;
}

/** Returns the error for an engine that cannot run on this machine or in this installation. */
export function engineUnavailable(
  engine: EngineName,
  reason: string,
  remedy = l10n.t('Choose another engine in the experiment, or auto.'),
  options?: ErrorOptions,
): UserError {
  const what = l10n.t('The engine "{0}" could not be loaded: {1}', engine, reason);
  return new UserError({ what, remedy }, options);
}
