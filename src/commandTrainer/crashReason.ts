import type { CommandSystem } from '../recipe/commandRecipe';

/** Why a command failed, according to the end of its output. */
export type CrashReason =
  /** It ran out of memory, of the GPU or of the machine. */
  | { readonly kind: 'memory'; readonly what: string }
  /** Python did not find a module. */
  | { readonly kind: 'module'; readonly what: string; readonly module: string }
  | { readonly kind: 'error'; readonly what: string }
  /** The output does not say. */
  | { readonly kind: 'unknown' };

/** Characters of a reason that are kept. */
const MOST_CHARACTERS = 500;

const MEMORY =
  /CUDA out of memory|HIP out of memory|MPS backend out of memory|OutOfMemoryError\b|DefaultCPUAllocator: (?:can't allocate memory|not enough memory)|^MemoryError\b|_ArrayMemoryError\b|CUDA error: out of memory|CUBLAS_STATUS_ALLOC_FAILED|std::bad_alloc/;

/** torchrun prints it after the tracebacks of its workers. */
const OF_LAUNCHER = /ChildFailedError|^torch\.multiprocessing\.spawn\.Process\w+Exception/;

/** Prefixes of each line: of torchrun and PyTorch for the rank, and of torchrun's log. */
const PREFIX = /^\[(?:rank|default)\d+\]:\s?/;

/**
 * Finds why a program failed: the last line of a Python traceback, or a line that says that memory ran out. Of several
 * processes that failed, one without memory names the cause, because the others then fail to reach it.
 *
 * @param lines the end of the output
 */
export function crashReason(lines: readonly string[]): CrashReason {
  const plain = lines.map((line) => line.replace(PREFIX, '').trimEnd());
  const exceptions = exceptionsIn(plain);
  const memory =
    exceptions.findLast((line) => MEMORY.test(line)) ?? plain.findLast((line) => MEMORY.test(line));
  if (memory !== undefined) return { kind: 'memory', what: shortened(memory) };
  const last =
    exceptions.findLast((line) => !OF_LAUNCHER.test(line)) ?? exceptions.at(-1) ?? errorLine(plain);
  if (last === undefined) return { kind: 'unknown' };
  const [, module] = /^(?:ModuleNotFoundError|ImportError): No module named '?([\w.]+)'?/.exec(last) ?? [];
  if (module !== undefined) return { kind: 'module', what: shortened(last), module };
  return { kind: 'error', what: shortened(last) };
}

/** Returns the line of the exception of each traceback: the first after it that is not indented. */
function exceptionsIn(lines: readonly string[]): string[] {
  const found: string[] = [];
  let isInside = false;
  for (const line of lines) {
    if (/^(?:Traceback \(most recent call last\):|\s+File ".*", line \d+)/.test(line)) isInside = true;
    else if (isInside && line !== '' && !/^\s/.test(line)) {
      isInside = false;
      if (/^[\w.]+(?::|$)/.test(line)) found.push(line);
    }
  }
  return found;
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

/** The option of a command that sets the batch size, and its value if the command has it. */
export interface BatchSizeOption {
  readonly option: string;
  readonly value: number | null;
}

/** The names of the option, the usual one first. Those with = at the end are one word with their value. */
const BATCH_SIZE_OPTIONS: Readonly<Record<CommandSystem, readonly string[]>> = {
  timm: ['--batch-size', '-b'],
  torchvision: ['--batch-size', '-b'],
  mmpretrain: ['train_dataloader.batch_size='],
  generic: [
    ...['--batch-size', '--batch_size', '--train-batch-size', '--train_batch_size', '--bs', '-b'],
    ...['--per_device_train_batch_size', 'batch_size=', 'data.batch_size=', 'train.batch_size='],
  ],
};

/** Finds the batch size in a command. Like the programs, takes the last if there are several. */
export function batchSizeOption(system: CommandSystem, command: readonly string[]): BatchSizeOption {
  const options = BATCH_SIZE_OPTIONS[system];
  const found = command.flatMap((word, index): BatchSizeOption[] => {
    for (const option of options) {
      const value = valueAfter(option, word, command[index + 1]);
      if (value !== null) return [{ option, value }];
    }
    return [];
  });
  return found.at(-1) ?? { option: options[0] ?? '--batch-size', value: null };
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
