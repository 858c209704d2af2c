import type { CommandSystem } from '../recipe/commandRecipe';

/** Why a command failed, according to the end of its output. */
export type CrashReason =
  | { readonly kind: 'memory'; readonly of: Memory; readonly what: string }
  /** A launcher says that a signal ended one of its processes. */
  | { readonly kind: 'signal'; readonly signal: string }
  /** `torch.load` refused a checkpoint because of a type that is not known to be safe. */
  | { readonly kind: 'unsafe_checkpoint'; readonly what: string; readonly type: string }
  /** Python did not find a module. */
  | { readonly kind: 'module'; readonly what: string; readonly module: string }
  | { readonly kind: 'error'; readonly what: string }
  /** The output does not say. */
  | { readonly kind: 'unknown' };

/** Which memory ran out: of the GPU, of the machine, or the memory that it shares with data loading workers. */
export type Memory = 'device' | 'machine' | 'shared';

/** Characters of a reason that are kept. */
const MOST_CHARACTERS = 500;

/**
 * What says that memory ran out (PyTorch 2.15, TensorFlow 2.21, JAX 0.7 and older). gRPC says RESOURCE_EXHAUSTED for other
 * limits, too. The order matters: a worker of PyTorch's DataLoader that lacked shared memory is also killed.
 */
const MEMORY: readonly (readonly [Memory, RegExp])[] = [
  [
    'shared',
    /out of shared memory|insufficient shared memory|unable to .*<\/?torch_(?!.*Too many open files)|unable to allocate shared memory/,
  ],
  [
    'machine',
    /DefaultCPUAllocator: (?:can't allocate memory|not enough memory)|^(?:\w+\.)*_?(?:Array)?MemoryError\b|std::bad_alloc|^OSError: \[(?:Errno 12|WinError 1455)\]|DataLoader worker \(pid \d+\) is killed by signal: Killed/,
  ],
  [
    'device',
    /(?:CUDA|HIP|MPS backend|XPU) out of memory|OutOfMemoryError\b|CUDA error: out of memory|Cuda failure (?:2 )?'out of memory'|CUBLAS_STATUS_ALLOC_FAILED|CUDNN_STATUS_ALLOC_FAILED|RESOURCE_EXHAUSTED: .*(?:memory|allocat)|ResourceExhaustedError\b|OOM when allocating tensor/i,
  ],
];

function memoryIn(line: string): Memory | null {
  return MEMORY.find(([, pattern]) => pattern.test(line))?.[0] ?? null;
}

/** torchrun prints it after the tracebacks of its workers. */
const OF_LAUNCHER = /ChildFailedError|^torch\.multiprocessing\.spawn\.Process\w+Exception/;

/** torchrun's summary of a process that a signal ended. */
const SIGNAL = /^\s*traceback : Signal \d+ \((SIG\w+)\) received by PID/;

/** Below the exception of `torch.load`. */
const UNSAFE = /^\s*WeightsUnpickler error: Unsupported global: GLOBAL ([\w.]+) was not an allowed global/;

/** Prefixes of each line: of torchrun and PyTorch for the rank, and of torchrun's log. */
const PREFIX = /^\[(?:rank|default)(\d+)\]:\s?/;

/**
 * Finds why a program failed: the last line of a Python traceback, or a line that says that memory ran out. Of several
 * processes that failed, one without memory names the cause, because the others then fail to reach it.
 *
 * @param lines the end of the output
 */
export function crashReason(lines: readonly string[]): CrashReason {
  const parsed = lines.map(lineOf);
  const plain = parsed.map(({ text }) => text);
  const exceptions = exceptionsIn(parsed);
  const own = exceptions.filter(({ text }) => !OF_LAUNCHER.test(text));
  // A program may report that it lacked memory, go on with a smaller batch, and fail for another reason.
  const memory = (own.length > 0 ? own.map(({ text }) => text) : plain).findLast(
    (line) => memoryIn(line) !== null,
  );
  if (memory !== undefined) {
    return { kind: 'memory', of: memoryIn(memory) ?? 'device', what: shortened(memory) };
  }
  const cause = rootCauseIn(plain);
  if (cause.signal !== null) return { kind: 'signal', signal: cause.signal };
  const ofCause = own.findLast(({ rank }) => rank !== null && rank === cause.rank);
  const last = (ofCause ?? own.at(-1) ?? exceptions.at(-1))?.text ?? errorLine(plain);
  if (last === undefined) return { kind: 'unknown' };
  const [, module] = /^(?:ModuleNotFoundError|ImportError): No module named '?([\w.]+)'?/.exec(last) ?? [];
  if (module !== undefined) return { kind: 'module', what: shortened(last), module };
  const [, type] = plain.map((line) => UNSAFE.exec(line)).findLast(Boolean) ?? [];
  if (type !== undefined && last.includes('UnpicklingError')) {
    return { kind: 'unsafe_checkpoint', what: shortened(last), type };
  }
  return { kind: 'error', what: shortened(last) };
}

/** A line of the output, and the process of torchrun that printed it, if it says so. */
interface Line {
  readonly rank: string | null;
  readonly text: string;
}

function lineOf(line: string): Line {
  const [prefix = '', rank] = PREFIX.exec(line) ?? [];
  return { rank: rank ?? null, text: line.slice(prefix.length).trimEnd() };
}

/** Returns the line of the exception of each traceback: the first after it that is not indented. */
function exceptionsIn(lines: readonly Line[]): Line[] {
  const found: Line[] = [];
  // The lines of several processes may alternate.
  const inside = new Set<string | null>();
  for (const line of lines) {
    const { rank, text } = line;
    if (/^(?:Traceback \(most recent call last\):|\s+File ".*", line \d+)/.test(text)) inside.add(rank);
    else if (inside.has(rank) && text !== '' && !/^\s/.test(text)) {
      inside.delete(rank);
      if (/^[\w.]+(?::|$)/.test(text)) found.push(line);
    }
  }
  return found;
}

/**
 * Returns the process that failed first according to torchrun, and the signal that ended it. The others fail because they
 * miss it, or are ended by torchrun.
 */
function rootCauseIn(lines: readonly string[]): {
  readonly rank: string | null;
  readonly signal: string | null;
} {
  const start = lines.findLastIndex((line) => line.startsWith('Root Cause (first observed failure):'));
  const summary = start < 0 ? [] : lines.slice(start);
  const first = (pattern: RegExp) => summary.map((line) => pattern.exec(line)?.[1]).find(Boolean) ?? null;
  return { rank: first(/^\s*rank +: (\d+) /), signal: first(SIGNAL) };
}

/** Returns the last line that looks like the error of a program without a traceback, such as argparse's. */
function errorLine(lines: readonly string[]): string | undefined {
  const last = lines.filter((line) => line.trim() !== '').slice(-5);
  return last.findLast((line) =>
    /\berror\b|No such file|can't open file|not found|permission denied/i.test(line),
  );
}

function shortened(line: string): string {
  const text = line.trim();
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}...` : text;
}

/** An option of a command, and its value if the command has it. */
export interface NumberOption {
  readonly option: string;
  readonly value: number | null;
}

type Names = Readonly<Record<CommandSystem, readonly string[]>>;

/** The names of an option, the usual one first. Those with = at the end are one word with their value. */
const BATCH_SIZE: Names = {
  timm: ['--batch-size', '-b'],
  torchvision: ['--batch-size', '-b'],
  mmpretrain: ['train_dataloader.batch_size='],
  generic: [
    ...['--batch-size', '--batch_size', '--train-batch-size', '--train_batch_size', '--bs', '-b'],
    ...['--per_device_train_batch_size', 'batch_size=', 'data.batch_size=', 'train.batch_size='],
  ],
};
const WORKERS: Names = {
  timm: ['--workers', '-j'],
  torchvision: ['--workers', '-j'],
  mmpretrain: ['train_dataloader.num_workers='],
  generic: [
    ...['--workers', '--num-workers', '--num_workers', '-j', '--dataloader_num_workers'],
    ...['num_workers=', 'data.num_workers='],
  ],
};

/** Finds the batch size in a command. Like the programs, takes the last if there are several. */
export function batchSizeOption(system: CommandSystem, command: readonly string[]): NumberOption {
  return optionIn(BATCH_SIZE[system], command);
}

/** Finds the number of data loading workers in a command. */
export function workersOption(system: CommandSystem, command: readonly string[]): NumberOption {
  return optionIn(WORKERS[system], command);
}

function optionIn(options: readonly string[], command: readonly string[]): NumberOption {
  const found = command.flatMap((word, index): NumberOption[] => {
    for (const option of options) {
      const value = valueAfter(option, word, command[index + 1]);
      if (value !== null) return [{ option, value }];
    }
    return [];
  });
  return found.at(-1) ?? { option: options[0] ?? '', value: null };
}

function valueAfter(option: string, word: string, next: string | undefined): number | null {
  const text = option.endsWith('=')
    ? word.startsWith(option)
      ? word.slice(option.length)
      : undefined
    : word === option
      ? next
      : word.startsWith(`${option}=`)
        ? word.slice(option.length + 1)
        : undefined;
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : null;
}
