/**
 * Regular expressions that take linear time. JavaScript's own may take exponential time, such as `(a+)+$`, and cannot be
 * interrupted. A match takes at most one step per instruction and character (Pike's virtual machine, see Cox 2009,
 * https://swtch.com/~rsc/regexp/regexp2.html). Syntax and matches are those of JavaScript without flags, except that
 * lookarounds and references to groups are refused.
 */
import * as l10n from '@vscode/l10n';
import type { Failure } from '../../shared/failure';
import { type PatternNode, PatternProblem, parsePattern } from './patternSyntax';

/** Bounds the time for a character. */
const MAX_INSTRUCTIONS = 2000;
/** Characters of a line that a pattern sees. */
export const MAX_MATCHED_LENGTH = 1 << 13;

type Instruction =
  | { readonly op: 'character'; readonly test: (code: number) => boolean }
  | { readonly op: 'assert'; readonly test: (text: string, at: number) => boolean }
  /** Continues at both, and prefers the first. */
  | { readonly op: 'split'; readonly first: number; readonly second: number }
  | { readonly op: 'jump'; readonly to: number }
  | { readonly op: 'save'; readonly slot: number }
  /** Forgets groups of the previous round of a loop. */
  | { readonly op: 'clear'; readonly slots: readonly number[] }
  | { readonly op: 'match' };

/** A compiled pattern. */
export interface LinearPattern {
  /** The names of its groups. */
  readonly names: readonly string[];
  /**
   * Finds the first match in the first 8,192 characters of `text`, and returns the text of each named group that took
   * part. Null if there is no match.
   */
  find(text: string): ReadonlyMap<string, string> | null;
}

export type CompiledPattern =
  | { readonly ok: true; readonly pattern: LinearPattern }
  | { readonly ok: false; readonly failure: Failure };

/** Compiles a pattern, or says where it has an error or something that is not supported. */
export function compilePattern(source: string): CompiledPattern {
  try {
    const { root, groups } = parsePattern(source);
    const program = programOf(root);
    const machine = new Machine(program, groups);
    return { ok: true, pattern: { names: [...groups.keys()], find: (text) => machine.find(text) } };
  } catch (error) {
    if (!(error instanceof PatternProblem)) throw error;
    return {
      ok: false,
      failure: {
        what:
          error.at === null
            ? error.message
            : l10n.t('Character {0} of the pattern: {1}', error.at + 1, error.message),
        remedy: l10n.t('Correct the pattern. It is a regular expression of JavaScript without flags.'),
      },
    };
  }
}

function programOf(root: PatternNode): readonly Instruction[] {
  const program: Instruction[] = [];
  let work = 0;
  const emit = (instruction: Instruction) => program.push(instruction) - 1;
  const write = (node: PatternNode): void => {
    // Counts nodes, not instructions: repeating nothing a billion times takes time too.
    if (++work > 4 * MAX_INSTRUCTIONS || program.length > MAX_INSTRUCTIONS)
      throw new PatternProblem(l10n.t('The pattern is too large, with all its repetitions.'), null);
    switch (node.kind) {
      case 'character':
        emit({ op: 'character', test: node.test });
        return;
      case 'assert':
        emit({ op: 'assert', test: node.test });
        return;
      case 'sequence':
        for (const part of node.parts) write(part);
        return;
      case 'group':
        emit({ op: 'save', slot: 2 * node.index });
        write(node.body);
        emit({ op: 'save', slot: 2 * node.index + 1 });
        return;
      case 'choice':
        writeChoice(node.options);
        return;
      case 'repeat':
        writeRepeat(node);
        return;
    }
  };
  const writeChoice = (options: readonly PatternNode[]) => {
    const [first, ...others] = options;
    if (!first) return;
    if (others.length === 0) {
      write(first);
      return;
    }
    const split = emit({ op: 'match' });
    write(first);
    const jump = emit({ op: 'match' });
    program[split] = { op: 'split', first: split + 1, second: program.length };
    writeChoice(others);
    program[jump] = { op: 'jump', to: program.length };
  };
  const writeRepeat = ({ body, min, max, lazy, groups }: PatternNode & { readonly kind: 'repeat' }) => {
    const slots = groups.flatMap((index) => [2 * index, 2 * index + 1]);
    const writeRound = () => {
      if (slots.length > 0) emit({ op: 'clear', slots });
      write(body);
    };
    const fork = (at: number, inside: number, outside: number) => {
      program[at] = lazy
        ? { op: 'split', first: outside, second: inside }
        : { op: 'split', first: inside, second: outside };
    };
    for (let round = 0; round < min; round++) writeRound();
    if (max === null) {
      const split = emit({ op: 'match' });
      writeRound();
      emit({ op: 'jump', to: split });
      fork(split, split + 1, program.length);
      return;
    }
    const splits: number[] = [];
    for (let round = min; round < max; round++) {
      splits.push(emit({ op: 'match' }));
      writeRound();
    }
    for (const split of splits) fork(split, split + 1, program.length);
  };
  write(root);
  emit({ op: 'match' });
  if (program.length > MAX_INSTRUCTIONS)
    throw new PatternProblem(l10n.t('The pattern is too large, with all its repetitions.'), null);
  return program;
}

/** Returns whether a match may start with a character. Null if it may be empty. */
function startOf(program: readonly Instruction[]): ((code: number) => boolean) | null {
  const tests: ((code: number) => boolean)[] = [];
  const visited = new Set<number>();
  const open = [0];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (visited.has(at)) continue;
    visited.add(at);
    const instruction = program[at];
    if (instruction === undefined || instruction.op === 'match') return null;
    if (instruction.op === 'character') tests.push(instruction.test);
    else if (instruction.op === 'split') open.push(instruction.first, instruction.second);
    else open.push(instruction.op === 'jump' ? instruction.to : at + 1);
  }
  return (code) => tests.some((test) => test(code));
}

/** Positions in the text: the start and end of each group, -1 if it took no part. */
type Slots = readonly number[];

/** Instructions that consume the next character, the preferred one first, with the groups on the way to each. */
class Threads {
  count = 0;
  readonly at: Int32Array;
  readonly slots: Slots[];

  constructor(instructions: number, none: Slots) {
    this.at = new Int32Array(instructions);
    this.slots = new Array<Slots>(instructions).fill(none);
  }

  push(at: number, slots: Slots): void {
    this.at[this.count] = at;
    this.slots[this.count] = slots;
    this.count++;
  }
}

/** Runs a program. Its buffers are kept between texts, because a log has millions of lines. */
class Machine {
  readonly #mayStart: ((code: number) => boolean) | null;
  readonly #none: Slots;
  #current: Threads;
  #next: Threads;
  /** The last generation in which an instruction was added. Each position of each text is a generation. */
  readonly #added: Float64Array;
  #generation = 0;

  constructor(
    readonly program: readonly Instruction[],
    readonly groups: ReadonlyMap<string, number>,
  ) {
    this.#mayStart = startOf(program);
    this.#none = new Array<number>(2 * groups.size).fill(-1);
    this.#current = new Threads(program.length, this.#none);
    this.#next = new Threads(program.length, this.#none);
    this.#added = new Float64Array(program.length);
  }

  find(whole: string): ReadonlyMap<string, string> | null {
    const text = whole.slice(0, MAX_MATCHED_LENGTH);
    const slots = this.#slots(text);
    if (slots === null) return null;
    const found = new Map<string, string>();
    for (const [name, index] of this.groups) {
      const [start = -1, end = -1] = slots.slice(2 * index, 2 * index + 2);
      if (start >= 0 && end >= 0) found.set(name, text.slice(start, end));
    }
    return found;
  }

  #slots(text: string): Slots | null {
    let matched: Slots | null = null;
    this.#current.count = 0;
    this.#generation++;
    for (let position = 0; position <= text.length; position++) {
      const current = this.#current;
      const code = position < text.length ? text.charCodeAt(position) : -1;
      if (matched === null && (this.#mayStart === null || (code >= 0 && this.#mayStart(code))))
        this.#add(current, 0, text, position, this.#none);
      else if (current.count === 0 && matched !== null) break;
      const next = this.#next;
      next.count = 0;
      this.#generation++;
      for (let index = 0; index < current.count; index++) {
        const at = current.at[index]!;
        const slots = current.slots[index]!;
        const instruction = this.program[at];
        if (instruction?.op === 'match') {
          // Threads behind this one are less preferred.
          matched = slots;
          break;
        }
        if (code >= 0 && instruction?.op === 'character' && instruction.test(code))
          this.#add(next, at + 1, text, position + 1, slots);
      }
      this.#current = next;
      this.#next = current;
    }
    return matched;
  }

  /** Adds the instructions from `start` that consume the character at `position`. */
  #add(threads: Threads, start: number, text: string, position: number, slots: Slots): void {
    for (let at = start; this.#added[at] !== this.#generation; ) {
      this.#added[at] = this.#generation;
      const instruction = this.program[at];
      switch (instruction?.op) {
        case 'jump':
          at = instruction.to;
          continue;
        case 'split':
          this.#add(threads, instruction.first, text, position, slots);
          at = instruction.second;
          continue;
        case 'save':
          this.#add(threads, at + 1, text, position, changed(slots, [instruction.slot], position));
          return;
        case 'clear':
          this.#add(threads, at + 1, text, position, changed(slots, instruction.slots, -1));
          return;
        case 'assert':
          if (!instruction.test(text, position)) return;
          at++;
          continue;
        default:
          threads.push(at, slots);
          return;
      }
    }
  }
}

function changed(slots: Slots, which: readonly number[], value: number): Slots {
  const copy = slots.slice();
  for (const slot of which) copy[slot] = value;
  return copy;
}
