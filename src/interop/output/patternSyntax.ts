/** Parses the regular expressions of `linearPattern.ts`. */
import * as l10n from '@vscode/l10n';

export type PatternNode =
  | { readonly kind: 'character'; readonly test: (code: number) => boolean }
  | { readonly kind: 'assert'; readonly test: (text: string, at: number) => boolean }
  | { readonly kind: 'sequence'; readonly parts: readonly PatternNode[] }
  | { readonly kind: 'choice'; readonly options: readonly PatternNode[] }
  /** A named group. Others are not kept. */
  | { readonly kind: 'group'; readonly index: number; readonly body: PatternNode }
  | {
      readonly kind: 'repeat';
      readonly body: PatternNode;
      readonly min: number;
      /** Null for any number. */
      readonly max: number | null;
      readonly lazy: boolean;
      /** The named groups in the body. */
      readonly groups: readonly number[];
    };

/** An error in a pattern. */
export class PatternProblem extends Error {
  /** @param at offset of the character, null if the error has no place */
  constructor(
    message: string,
    readonly at: number | null,
  ) {
    super(message);
  }
}

const MAX_DEPTH = 100;

type Range = readonly [from: number, to: number];

const DIGITS: readonly Range[] = [[0x30, 0x39]];
const WORDS: readonly Range[] = [...DIGITS, [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]];
/** ECMAScript's white space and line terminators. */
const SPACES: readonly Range[] = [
  ...([[0x09, 0x0d]] as const),
  ...([0x20, 0xa0, 0x1680, 0x202f, 0x205f, 0x3000, 0xfeff] as const).map((code) => [code, code] as const),
  ...([
    [0x2000, 0x200a],
    [0x2028, 0x2029],
  ] as const),
];
const LINE_ENDS: readonly Range[] = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
];
const SETS = new Map<string, { readonly ranges: readonly Range[]; readonly negated: boolean }>([
  ['d', { ranges: DIGITS, negated: false }],
  ['D', { ranges: DIGITS, negated: true }],
  ['w', { ranges: WORDS, negated: false }],
  ['W', { ranges: WORDS, negated: true }],
  ['s', { ranges: SPACES, negated: false }],
  ['S', { ranges: SPACES, negated: true }],
]);
const CONTROLS = new Map([
  ['n', 0x0a],
  ['t', 0x09],
  ['r', 0x0d],
  ['f', 0x0c],
  ['v', 0x0b],
  ['0', 0x00],
]);

type Test = (code: number) => boolean;

/** Returns a test that looks up ASCII in a table, because it runs for each character of each line. */
function inRanges(ranges: readonly Range[], negated: boolean): Test {
  const test = (code: number) => ranges.some(([from, to]) => code >= from && code <= to) !== negated;
  const ascii = Array.from({ length: 128 }, (_, code) => test(code));
  return (code) => ascii[code] ?? test(code);
}
const isWord = inRanges(WORDS, false);
const isWordAt = (text: string, at: number) => at >= 0 && at < text.length && isWord(text.charCodeAt(at));
const isBoundary = (text: string, at: number) => isWordAt(text, at - 1) !== isWordAt(text, at);

/**
 * Parses a pattern.
 *
 * @returns its root, and the index of each named group
 * @throws PatternProblem if it has an error, or something that takes more than linear time
 */
export function parsePattern(source: string): {
  readonly root: PatternNode;
  readonly groups: ReadonlyMap<string, number>;
} {
  const parser = new PatternParser(source);
  return { root: parser.parse(), groups: parser.groups };
}

class PatternParser {
  readonly groups = new Map<string, number>();
  #at = 0;
  #depth = 0;

  constructor(readonly source: string) {}

  parse(): PatternNode {
    const root = this.#choice();
    if (this.#at < this.source.length) throw this.#problem(l10n.t('this parenthesis has no opening one'));
    return root;
  }

  #problem(message: string, at = this.#at): PatternProblem {
    return new PatternProblem(message, at);
  }

  #takes(text: string): boolean {
    if (!this.source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #choice(): PatternNode {
    if (++this.#depth > MAX_DEPTH) throw this.#problem(l10n.t('there are too many nested parentheses'));
    const options = [this.#sequence()];
    while (this.#takes('|')) options.push(this.#sequence());
    this.#depth--;
    return { kind: 'choice', options };
  }

  #sequence(): PatternNode {
    const parts: PatternNode[] = [];
    while (this.#at < this.source.length && !/[|)]/.test(this.source[this.#at] ?? '')) {
      const before = this.groups.size;
      const start = this.#at;
      const atom = this.#atom();
      const inside = [...this.groups.values()].slice(before);
      parts.push(this.#repeated(atom, inside, start));
    }
    return { kind: 'sequence', parts };
  }

  #repeated(body: PatternNode, groups: readonly number[], start: number): PatternNode {
    const [written, counted] =
      /^(?:[*+?]|\{(\d+(?:,\d*)?)\})/.exec(this.source.slice(this.#at, this.#at + 20)) ?? [];
    if (written === undefined) return body;
    if (body.kind === 'assert') throw this.#problem(l10n.t('there is nothing to repeat'), start);
    const at = this.#at;
    this.#at += written.length;
    const lazy = this.#takes('?');
    const [least = '', most] = counted?.split(',') ?? [];
    const min = counted === undefined ? (written === '+' ? 1 : 0) : Number(least);
    const max =
      counted === undefined ? (written === '?' ? 1 : null) : most === '' ? null : Number(most ?? least);
    if (max !== null && max < min) throw this.#problem(l10n.t('these numbers are in the wrong order'), at);
    return { kind: 'repeat', body, min, max, lazy, groups };
  }

  #atom(): PatternNode {
    const start = this.#at;
    const character = this.source[this.#at] ?? '';
    this.#at++;
    switch (character) {
      case '(':
        return this.#group(start);
      case '[':
        return { kind: 'character', test: this.#class(start) };
      case '.':
        return { kind: 'character', test: inRanges(LINE_ENDS, true) };
      case '^':
        return { kind: 'assert', test: (_, at) => at === 0 };
      case '$':
        return { kind: 'assert', test: (text, at) => at === text.length };
      case '\\':
        return this.#escape(start);
      case '*':
      case '+':
      case '?':
        throw this.#problem(l10n.t('there is nothing to repeat'), start);
      default:
        if (character === '{' && /^\d+(?:,\d*)?\}/.test(this.source.slice(this.#at, this.#at + 20)))
          throw this.#problem(l10n.t('there is nothing to repeat'), start);
        return literal(character.charCodeAt(0));
    }
  }

  #group(start: number): PatternNode {
    let name: string | null = null;
    if (this.#takes('?')) {
      if (this.#takes('<')) {
        const [written] = /^[A-Za-z_$][\w$]*>/.exec(this.source.slice(this.#at, this.#at + 200)) ?? [];
        if (written === undefined) throw this.#problem(unsupportedGroup(), start);
        name = written.slice(0, -1);
        this.#at += written.length;
      } else if (!this.#takes(':')) throw this.#problem(unsupportedGroup(), start);
    }
    if (name !== null && this.groups.has(name))
      throw this.#problem(l10n.t('there already is a group {0}', name), start);
    const index = this.groups.size;
    if (name !== null) this.groups.set(name, index);
    const body = this.#choice();
    if (!this.#takes(')')) throw this.#problem(l10n.t('this parenthesis has no closing one'), start);
    return name === null ? body : { kind: 'group', index, body };
  }

  #escape(start: number): PatternNode {
    const letter = this.source[this.#at] ?? '';
    if (letter === 'b' || letter === 'B') {
      this.#at++;
      return { kind: 'assert', test: letter === 'b' ? isBoundary : (text, at) => !isBoundary(text, at) };
    }
    const set = SETS.get(letter);
    if (set) {
      this.#at++;
      return { kind: 'character', test: inRanges(set.ranges, set.negated) };
    }
    return literal(this.#escapedCode(start));
  }

  /** Reads the rest of an escape that stands for one character. */
  #escapedCode(start: number): number {
    const rest = this.source.slice(this.#at, this.#at + 5);
    const [hex] = /^(?:x[\da-fA-F]{2}|u[\da-fA-F]{4})/.exec(rest) ?? [];
    if (hex !== undefined) {
      this.#at += hex.length;
      return Number.parseInt(hex.slice(1), 16);
    }
    const letter = rest[0] ?? '';
    const code = /^0\d/.test(rest) ? undefined : CONTROLS.get(letter);
    if (code === undefined && (letter === '' || /[A-Za-z\d]/.test(letter)))
      throw this.#problem(
        /[1-9k]/.test(letter)
          ? l10n.t('references to groups are not supported')
          : l10n.t('this escape is not supported'),
        start,
      );
    this.#at++;
    return code ?? letter.charCodeAt(0);
  }

  #class(start: number): Test {
    const negated = this.#takes('^');
    const ranges: Range[] = [];
    const sets: Test[] = [];
    while (!this.#takes(']')) {
      const from = this.#classMember(start, sets);
      const isRange = this.source[this.#at] === '-' && this.source[this.#at + 1] !== ']';
      if (from === null) continue;
      if (!isRange) {
        ranges.push([from, from]);
        continue;
      }
      const at = this.#at++;
      const to = this.#classMember(start, sets);
      // Before a set such as \d, a hyphen is itself.
      if (to === null) ranges.push([from, from], [0x2d, 0x2d]);
      else if (to < from) throw this.#problem(l10n.t('this range is in the wrong order'), at);
      else ranges.push([from, to]);
    }
    const isMember = inRanges(ranges, false);
    return (code) => (isMember(code) || sets.some((test) => test(code))) !== negated;
  }

  /** Reads a member of a class. Null if it is a set, such as \d, which is added to `sets`. */
  #classMember(start: number, sets: Test[]): number | null {
    const at = this.#at;
    if (at >= this.source.length) throw this.#problem(l10n.t('this bracket has no closing one'), start);
    if (!this.#takes('\\')) return this.source.charCodeAt(this.#at++);
    const letter = this.source[this.#at] ?? '';
    const set = SETS.get(letter);
    if (set) {
      this.#at++;
      sets.push(inRanges(set.ranges, set.negated));
      return null;
    }
    if (this.#takes('b')) return 0x08;
    return this.#takes('-') ? 0x2d : this.#escapedCode(at);
  }
}

function literal(code: number): PatternNode {
  return { kind: 'character', test: (other) => other === code };
}

function unsupportedGroup(): string {
  return l10n.t('of groups, only (...), (?:...) and (?<name>...) are supported');
}
