import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import type { SavePeriod } from '../protocol/trainer';

/** How to start the trainer. */
export interface TrainerCommand {
  /** Path of Node, or of an Electron that can run as Node. */
  readonly nodePath: string;
  /** The bundle of the trainer of our own networks. That of commands is next to it. */
  readonly trainerPath: string;
  /** The environment to clean and pass on. By default, that of this process. */
  readonly env?: NodeJS.ProcessEnv;
  /** Further variables for the trainer of a command, which depend on the run in that folder. */
  readonly commandVariables?: (folder: string) => Promise<NodeJS.ProcessEnv>;
  /** Arguments for Node itself. Empty by default, so that a debugger's arguments are not passed on. */
  readonly execArgv?: readonly string[];
  /** File for the trainer's output. By default, the run's trainer.log. */
  readonly logFile?: string;
  /** How long a trainer may take to follow a stop request, and then a signal. */
  readonly graceMs?: number;
  /** How often it saves within an epoch. By default, as `env` says, or every few minutes. */
  readonly saveEvery?: Partial<SavePeriod>;
  /** Number of compute threads. By default, as many as suit the machine. */
  readonly threads?: number;
  /** How many runs may use the run's GPU at a time, including itself. By default, only this one. */
  readonly runsPerGpu?: number;
  /** Pauses the run after this many of its epochs. By default, it trains to the end. */
  readonly pauseAfterEpochs?: number;
  /** Whether training stops with a checkpoint when this process ends. By default, it continues. */
  readonly stopWithParent?: boolean;
  /**
   * Handles a run with a crashed trainer: puts it back in the queue and returns true, or returns false to let it fail.
   * By default, it fails.
   */
  readonly requeue?: ((folder: string) => Promise<boolean>) | undefined;
}

/** The kinds of trainers: of our own networks, and of other programs. */
export type TrainerKind = 'network' | 'command';

/** The bundle of a kind of trainer. */
export function programFor(kind: TrainerKind, trainerPath: string): string {
  return kind === 'network' ? trainerPath : join(dirname(trainerPath), 'commandTrainer.js');
}

/** Node's default number of threads in its pool. */
const DEFAULT_POOL = 4;

/**
 * Cleans `env` of everything that a surrounding editor, debugger or process channel left in it. On Linux, requests huge
 * pages, which make training steps faster because a step's tensors are large. Only glibc's allocator honors the
 * request, and it must be set before the process starts. The thread pool gets one thread per core, because images are
 * decoded on it. See docs/performance.md. A command gets the environment as the person has it.
 */
export function trainerEnvironment(env: NodeJS.ProcessEnv, kind: TrainerKind = 'network'): NodeJS.ProcessEnv {
  const foreign = /^(VSCODE_|ELECTRON_|NODE_OPTIONS$|NODE_CHANNEL_|NODE_UNIQUE_ID$)/;
  const kept = Object.fromEntries(Object.entries(env).filter(([name]) => !foreign.test(name)));
  if (kind === 'command') return { ...kept, ELECTRON_RUN_AS_NODE: '1' };
  const { GLIBC_TUNABLES: tunables = '' } = kept;
  const asks = process.platform === 'linux' && !tunables.includes('glibc.malloc.hugetlb');
  return {
    ...kept,
    ...(asks && { GLIBC_TUNABLES: [tunables, 'glibc.malloc.hugetlb=1'].filter(Boolean).join(':') }),
    UV_THREADPOOL_SIZE: kept.UV_THREADPOOL_SIZE || `${Math.max(DEFAULT_POOL, availableParallelism())}`,
    ELECTRON_RUN_AS_NODE: '1',
  };
}
