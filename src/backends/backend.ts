import * as l10n from '@vscode/l10n';
import type { EngineReport } from '../protocol/events';
import type { EngineName } from '../recipe/engineNames';
import { UserError } from '../shared/userError';
import type { HalfFormat } from './precision/formats';

/** What of an engine a run's log and manifest have. */
export function reportOf({ name, description, because, threads, halfFormats = [] }: Engine): EngineReport {
  return {
    ...{ name, description, halfFormats },
    ...(because && { because }),
    ...(threads !== undefined && { threads }),
  };
}

/** The engine that computes, as seen after it was loaded. */
export interface Engine {
  readonly name: EngineName;
  /** What it runs on, such as `WebAssembly, SIMD, 1 thread`. */
  readonly description: string;
  /** Version by component: `node`, `tfjs`, and what else the engine consists of. */
  readonly versions: Readonly<Record<string, string>>;
  /** The half formats that it computes in; absent where it emulates both. */
  readonly halfFormats?: readonly HalfFormat[];
  /** Which half formats are slower than float32 on it, and what becomes of them, in sentences. */
  readonly slowFormats?: Readonly<Partial<Record<HalfFormat, string>>>;
  /** Why `auto` took it, in sentences; absent where it was named. */
  readonly because?: readonly string[];
  /** Threads that it computes on, as far as the digits of a result depend on them; absent where they do not. */
  readonly threads?: number;
  /** The engine with each batch cut among some threads (see ../training/parallel); absent where it uses all by itself. */
  readonly onThreads?: (count: number) => Engine;
}

/** The error of an engine that this machine or this installation cannot run. */
export function engineUnavailable(
  engine: EngineName,
  reason: string,
  remedy = l10n.t('Choose another engine in the experiment, or auto.'),
  options?: ErrorOptions,
): UserError {
  const what = l10n.t('The engine "{0}" could not be loaded: {1}', engine, reason);
  return new UserError({ what, remedy }, options);
}
