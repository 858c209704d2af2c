import { availableParallelism } from 'node:os';
import type { SavePeriod } from '../protocol/trainer';

/** What to start as the trainer, and how. */
export interface TrainerCommand {
  /** A Node, or an Electron that can act as one. */
  readonly nodePath: string;
  /** The trainer's bundle. */
  readonly trainerPath: string;
  /** The environment to clean and hand on; this process's by default. */
  readonly env?: NodeJS.ProcessEnv;
  /** Arguments for Node itself; none by default, so that a debugger's are not handed on. */
  readonly execArgv?: readonly string[];
  /** What becomes of the trainer's output; the run's trainer.log by default. */
  readonly logFile?: string;
  /** How long a trainer may take to follow a request to stop, and then a signal to. */
  readonly graceMs?: number;
  /** How often it saves within an epoch; by default as `env` says, or every few minutes. */
  readonly saveEvery?: Partial<SavePeriod>;
  /** Threads that it computes on; by default as many as suit the machine. */
  readonly threads?: number;
  /** Pauses the run once so many of its epochs are done; by default it trains to the end. */
  readonly pauseAfterEpochs?: number;
  /** Whether the training stops, with a checkpoint, when this process goes away; by default it goes on. */
  readonly stopWithParent?: boolean;
  /**
   * What becomes of a run whose trainer crashed: this puts it back into the queue and says so, or lets it fail.
   * By default it fails.
   */
  readonly requeue?: ((folder: string) => Promise<boolean>) | undefined;
}

/** Node's threads for work in the background where nobody says. */
const DEFAULT_POOL = 4;

/**
 * `env` without what a surrounding editor, debugger or process channel left in it, and on Linux with a request for huge
 * pages: a step's tensors are large enough for them, and a step takes 6% less time. Only glibc's allocator heeds it,
 * before the process's first instruction. Images are decoded on Node's pool, so that it needs a thread for each core.
 */
export function trainerEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const foreign = /^(VSCODE_|ELECTRON_|NODE_OPTIONS$|NODE_CHANNEL_|NODE_UNIQUE_ID$)/;
  const kept = Object.fromEntries(Object.entries(env).filter(([name]) => !foreign.test(name)));
  const { GLIBC_TUNABLES: tunables = '' } = kept;
  const asks = process.platform === 'linux' && !tunables.includes('glibc.malloc.hugetlb');
  return {
    ...kept,
    ...(asks && { GLIBC_TUNABLES: [tunables, 'glibc.malloc.hugetlb=1'].filter(Boolean).join(':') }),
    UV_THREADPOOL_SIZE: kept.UV_THREADPOOL_SIZE || `${Math.max(DEFAULT_POOL, availableParallelism())}`,
    ELECTRON_RUN_AS_NODE: '1',
  };
}
