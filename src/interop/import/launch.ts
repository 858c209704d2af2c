import * as l10n from '@vscode/l10n';
import type { Known } from '../../tricks/elsewhere/mapping';
import type { ShellWord, SimpleCommand } from './shell';

/** A command that starts a training script. */
export interface Launch {
  /** The script's word in the command. */
  readonly script: ShellWord;
  /** The script's arguments. */
  readonly args: readonly ShellWord[];
  /** Over all machines. */
  readonly processes: Known<number>;
  /** On each machine. */
  readonly processesEach: Known<number>;
}

type Processes = Pick<Launch, 'processes' | 'processesEach'>;

const SCRIPT = /(?:^|\/)train\.py$/;
/** timm's own launcher. Its first argument is the number of processes. */
const STARTER = /(?:^|\/)distributed_train\.sh$/;
const PYTHON = /(?:^|\/)python[\d.]*$/;
const TORCHRUN = /(?:^|\/)torchrun$/;
const MODULES = ['torch.distributed.run', 'torch.distributed.launch'];
/** Programs that run the command after them unchanged. */
const TRANSPARENT = new Set(['nohup', 'exec', 'command', 'env']);
/** Programs that only mention the words after them. */
const TELLING_ONLY = new Set(['echo', 'printf', 'cat', 'ls', 'cp', 'mv', 'rm', 'git', 'diff', 'grep', 'sed']);

const ONE: Known<number> = { known: true, value: 1 };

/**
 * Returns the training that a command starts, null if it starts none. `environment` is the part of the script that may
 * set the number of processes for a program started without a launcher.
 */
export function launchOf({ words }: SimpleCommand, environment: string | null): Launch | null {
  let first = 0;
  while (isPrefix(words[first])) first += 1;
  const [program, ...rest] = words.slice(first);
  const name = program?.value ?? '';
  if (!program || TELLING_ONLY.has(name)) return null;
  if (STARTER.test(name)) {
    const [count, ...args] = rest;
    return count ? { script: program, args, ...allHere(countOf(count.value, count.raw)) } : null;
  }
  if (SCRIPT.test(name)) return { script: program, args: rest, ...alone(environment) };
  if (TORCHRUN.test(name)) return launched(rest, torchrunProcesses);
  if (name === 'accelerate' && rest[0]?.value === 'launch')
    return launched(rest.slice(1), accelerateProcesses);
  if (PYTHON.test(name)) return pythonLaunch(rest, environment);
  // Another program, such as srun, that starts one of these.
  const inner = rest.findIndex(({ value }) => value !== null && (PYTHON.test(value) || TORCHRUN.test(value)));
  const launch = inner < 0 ? null : launchOf({ words: rest.slice(inner) }, environment);
  return launch && { ...launch, processes: unknown(program.raw) };
}

function isPrefix(word: ShellWord | undefined): boolean {
  return word !== undefined && (/^\w+\+?=/.test(word.raw) || TRANSPARENT.has(word.value ?? ''));
}

/** Parses `python [-u] train.py` or `python -m torch.distributed.run ... train.py`. */
function pythonLaunch(words: readonly ShellWord[], environment: string | null): Launch | null {
  const at = words.findIndex(({ value }) => value === null || value === '-m' || !value.startsWith('-'));
  const [word, ...rest] = words.slice(at);
  if (at < 0 || !word) return null;
  if (word.value === '-m') {
    return MODULES.includes(rest[0]?.value ?? '') ? launched(rest.slice(1), torchrunProcesses) : null;
  }
  return SCRIPT.test(word.value ?? '') ? { script: word, args: rest, ...alone(environment) } : null;
}

function alone(environment: string | null): Processes {
  return { processes: environment === null ? ONE : unknown(environment), processesEach: ONE };
}

function allHere(processes: Known<number>): Processes {
  return { processes, processesEach: processes };
}

interface LauncherOption {
  readonly name: string;
  readonly value: string | null;
  readonly raw: string;
}

function launched(
  words: readonly ShellWord[],
  processesOf: (options: readonly LauncherOption[]) => Processes,
): Launch | null {
  const options: LauncherOption[] = [];
  let hidden: string | null = null;
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const { value, raw } = word;
    if (value !== null && SCRIPT.test(value)) {
      const processes = hidden === null ? processesOf(options) : allHere(unknown(hidden));
      return { script: word, args: words.slice(at + 1), ...processes };
    }
    const option = /^--?([\w-]+)(?:=([\s\S]*))?$/.exec(value ?? '') ?? /^--?([\w-]+)=/.exec(raw);
    if (value === null && !option) {
      hidden = raw;
      continue;
    }
    if (!option) return null;
    const name = option[1]!.replaceAll('_', '-');
    const next = words[at + 1];
    if (raw.includes('=')) {
      options.push({ name, value: value === null ? null : (option[2] ?? null), raw });
    } else if (next && !next.raw.startsWith('-') && !SCRIPT.test(next.value ?? '')) {
      options.push({ name, value: next.value, raw: `${raw} ${next.raw}` });
      at += 1;
    } else {
      options.push({ name, value: '', raw });
    }
  }
  return null;
}

function torchrunProcesses(options: readonly LauncherOption[]): Processes {
  // argparse also accepts prefixes of a name.
  const called = (full: string, least: string) =>
    options.findLast(({ name }) => full.startsWith(name) && name.startsWith(least));
  const nodes = called('nnodes', 'nn');
  const each = called('nproc-per-node', 'np');
  const [machines, processesEach] = [nodes, each].map((option) =>
    option ? countOf(option.value, option.raw) : ONE,
  ) as [Known<number>, Known<number>];
  return { processes: product([machines, processesEach]), processesEach };
}

function accelerateProcesses(options: readonly LauncherOption[]): Processes {
  const count = options.findLast(({ name }) => name === 'num-processes');
  const processes = count ? countOf(count.value, count.raw) : unknown('accelerate launch');
  const machines = options.findLast(({ name }) => name === 'num-machines');
  const isAlone = machines === undefined || machines.value === '1';
  return { processes, processesEach: isAlone ? processes : unknown(machines.raw) };
}

function product(counts: readonly Known<number>[]): Known<number> {
  let value = 1;
  for (const count of counts) {
    if (!count.known) return count;
    value *= count.value;
  }
  return { known: true, value };
}

function countOf(value: string | null, raw: string): Known<number> {
  return value !== null && /^[1-9]\d{0,5}$/.test(value)
    ? { known: true, value: Number(value) }
    : unknown(raw);
}

function unknown(what: string): Known<number> {
  return { known: false, why: l10n.t('The number of training processes depends on {0}.', what) };
}
