import { isDeepStrictEqual } from 'node:util';
import * as l10n from '@vscode/l10n';
import type { Path } from '../../shared/path';
import { isHalfZeros, SEEN } from '../../shared/utf8';
import { isMapping, valueAt, withoutValue, withValue } from '../../shared/values';
import { Lines, type Problem, type Range } from '../problem';
import { JSON_NOTATION, parseJson } from './jsonDocument';
import {
  entryOf,
  MAX_TOKENS,
  mergedEntryOf,
  NestingError,
  type Notation,
  nodeAt,
  placeAt,
  type SyntaxProblem,
  type SyntaxTree,
  spanOf,
  TokenCountError,
} from './syntax';
import { applyEdits, type EditResult, type TextEdit } from './textEdits';
import { removalEdits, type SetOptions, setEdits } from './treeEdits';
import { parseYaml, YAML_NOTATION } from './yamlDocument';

/** A longer text is not an experiment and is not parsed. */
const MAX_LENGTH = 1 << 20;

/** Parses `text` as JSON if the name ends in .json or .jsonc, else as YAML. */
export function parseDocument(text: string, fileName: string): ExperimentDocument {
  return new ExperimentDocument(text, /\.jsonc?$/i.test(fileName) ? 'json' : 'yaml');
}

/** An experiment file as text: its data, the positions of that data, and edits that preserve everything else. */
export class ExperimentDocument {
  /** Plain data. Undefined if the text cannot be parsed. */
  readonly value: unknown;
  /** Syntax errors as YAML or JSON, at most one per line, because one mistake causes others. */
  readonly problems: readonly Problem[];
  /**
   * The part of the text that is certain despite its problems, and whether that is all of it. For a malformed text,
   * that is the first keys, up to the one before the first problem. Undefined if nothing is certain.
   */
  readonly certain: { readonly value: unknown; readonly isWhole: boolean };
  readonly #tree: SyntaxTree;
  readonly #lines: Lines;

  constructor(
    readonly text: string,
    readonly format: 'yaml' | 'json',
  ) {
    this.#lines = new Lines(text);
    this.#tree = parse(text, format);
    this.value = this.#tree.value;
    this.certain = certainOf(this.#tree);
    this.problems = firstOfEachLine(
      this.#tree.problems.map(({ start, end, what, remedy }) => ({
        severity: 'error',
        path: [],
        range: this.#lines.range(start, end),
        what,
        remedy,
      })),
    );
  }

  /** Returns the range of a key or value, or of its nearest parent key in the file. */
  rangeOf(path: Path, part: 'key' | 'value' = 'value'): Range {
    const { start, end } = spanOf(this.#tree.root, path, part);
    return this.#lines.range(start, end);
  }

  /** Returns the key or value at an offset; null between them. */
  placeAt(
    offset: number,
  ): { readonly path: Path; readonly part: 'key' | 'value'; readonly range: Range } | null {
    const place = placeAt(this.#tree.root, offset);
    return (
      place && {
        path: place.path,
        part: place.part,
        range: this.#lines.range(place.span.start, place.span.end),
      }
    );
  }

  /** Returns the edits that write `value` at `path`, including parents; empty if it is there already. */
  setIn(path: Path, value: unknown, options: SetOptions = {}): EditResult {
    const before = valueAt(this.value, path);
    if (isDeepStrictEqual(before, value)) return { ok: true, edits: [] };
    const merged = this.#mergedPrefix(path);
    if (merged) {
      // A merged mapping is copied as a whole: written here, it needs all of its keys.
      const whole = withValue(valueAt(this.value, merged), path.slice(merged.length), value);
      return this.#checked(setEdits(this.#source(), merged, whole, options), [
        withValue(this.value, path, value),
      ]);
    }
    if (isFilled(before) && isFilled(value)) return this.#merge(path, before, value);
    return this.#checked(setEdits(this.#source(), path, value, options), [
      withValue(this.value, path, value),
    ]);
  }

  /**
   * Returns the edits that remove the key at `path`; empty if it does not exist. Also removes a mapping that loses its
   * last key, unless it contains comments or had braces before.
   */
  removeIn(path: Path): EditResult {
    if (valueAt(this.value, path) === undefined) return { ok: true, edits: [] };
    return this.#checked(removalEdits(this.#source(), path), removals(this.value, path));
  }

  /** Whether a merge key provides a value for `path`, even if the file also writes one. */
  hasMerged(path: Path): boolean {
    const parent = nodeAt(this.#tree.root, path.slice(0, -1));
    return mergedEntryOf(parent, path.at(-1) ?? '') !== undefined;
  }

  /** Returns the part of a path down to the first key that only a merge key provides. */
  #mergedPrefix(path: Path): Path | null {
    for (const [depth, key] of path.entries()) {
      const node = nodeAt(this.#tree.root, path.slice(0, depth));
      if (!entryOf(node, key) && mergedEntryOf(node, key)) return path.slice(0, depth + 1);
    }
    return null;
  }

  /** Returns why the syntax prevents writing `value` at `path`, or removing the value there if `value` is undefined. */
  obstacleTo(path: Path, value: unknown): string | null {
    const result =
      value === undefined ? removalEdits(this.#source(), path) : setEdits(this.#source(), path, value, {});
    return result.ok ? null : result.reason;
  }

  /** Merges key by key, to preserve comments between the keys. */
  #merge(path: Path, before: object, value: object): EditResult {
    const steps: ((document: ExperimentDocument) => EditResult)[] = [
      ...Object.entries(value).map(
        ([key, child]) =>
          (document: ExperimentDocument) =>
            document.setIn([...path, key], child),
      ),
      ...Object.keys(before)
        .filter((key) => !Object.hasOwn(value, key))
        .map((key) => (document: ExperimentDocument) => document.removeIn([...path, key])),
    ];
    return this.inSequence(steps);
  }

  /** Returns one edit with the effect of all steps, each applied to the result of the one before. */
  inSequence(steps: readonly ((document: ExperimentDocument) => EditResult)[]): EditResult {
    let document: ExperimentDocument = this;
    for (const step of steps) {
      const result = step(document);
      if (!result.ok) return result;
      document = new ExperimentDocument(applyEdits(document.text, result.edits), this.format);
    }
    const edits = document.text === this.text ? [] : [differenceOf(this.text, document.text)];
    return { ok: true, edits };
  }

  /** The notation for new parts of the file. */
  get notation(): Notation {
    return this.format === 'json' ? JSON_NOTATION : YAML_NOTATION;
  }

  #source() {
    return { text: this.text, root: this.#tree.root, notation: this.notation };
  }

  /** Parses the edited text as a check: it must equal one of `expected` and contain no new errors. */
  #checked(result: EditResult, expected: readonly unknown[]): EditResult {
    if (!result.ok) return result;
    const edited = parse(applyEdits(this.text, result.edits), this.format);
    const known = new Set(this.#tree.problems.map(({ what }) => what));
    const broken = edited.problems.find(({ what }) => !known.has(what));
    if (broken) return { ok: false, reason: broken.what };
    if (!expected.some((value) => isDeepStrictEqual(value, edited.value))) {
      return {
        ok: false,
        reason: l10n.t('As the file is written now, the edit would change other parts of it.'),
      };
    }
    return result;
  }
}

function parse(text: string, format: 'yaml' | 'json'): SyntaxTree {
  if (text.length > MAX_LENGTH) {
    return unreadable(l10n.t('The file is larger than 1 MiB.'), l10n.t('Choose an experiment file.'));
  }
  const encoding = encodingProblem(text);
  if (encoding) return { root: null, value: undefined, problems: [encoding] };
  try {
    return format === 'json' ? parseJson(text) : parseYaml(text);
  } catch (error) {
    if (error instanceof TokenCountError) {
      return unreadable(
        l10n.t('The file has more than {0} tokens.', MAX_TOKENS),
        l10n.t('Choose an experiment file: it has fewer than a hundred lines.'),
      );
    }
    if (!(error instanceof NestingError)) throw error;
    return unreadable(
      l10n.t('The values are nested too deeply.'),
      l10n.t('An experiment needs only four levels.'),
    );
  }
}

/** Detects signs that a text was decoded with the wrong encoding. */
function encodingProblem(text: string): SyntaxProblem | null {
  const isUtf16 = isHalfZeros(Array.from(text.slice(0, SEEN), (letter) => letter.charCodeAt(0)));
  const start = isUtf16 ? 0 : text.indexOf('\uFFFD');
  if (start < 0) return null;
  return {
    start,
    end: start + (isUtf16 ? 0 : 1),
    what: isUtf16 ? l10n.t('The file is UTF-16.') : l10n.t('The file is not UTF-8 here.'),
    remedy: l10n.t('Save it as UTF-8.'),
  };
}

function certainOf({ root, value, problems }: SyntaxTree): ExperimentDocument['certain'] {
  const malformed = problems.filter(({ isReadable }) => !isReadable).map(({ start }) => start);
  if (malformed.length === 0) return { value, isWhole: true };
  if (root?.kind !== 'map' || !isMapping(value)) return { value: undefined, isWhole: false };
  const first = Math.min(...malformed);
  // The last of them may be the malformed one.
  const before = root.entries.filter(({ start }) => start < first).slice(0, -1);
  const keys = new Set(before.map(({ key }) => key));
  const certain = Object.entries(value).filter(([key]) => keys.has(key));
  return { value: certain.length > 0 ? Object.fromEntries(certain) : undefined, isWhole: false };
}

function unreadable(what: string, remedy: string): SyntaxTree {
  return { root: null, value: undefined, problems: [{ start: 0, end: 0, what, remedy }] };
}

function firstOfEachLine(problems: readonly Problem[]): Problem[] {
  const ordered = problems.toSorted((a, b) => a.range.start.offset - b.range.start.offset);
  return ordered.filter(({ range }, index) => range.start.line !== ordered[index - 1]?.range.start.line);
}

function isFilled(value: unknown): value is object {
  return isMapping(value) && Object.keys(value).length > 0;
}

/** Returns the valid results of removing `path`: an emptied parent may stay, become null, or be removed too. */
function removals(value: unknown, path: Path): unknown[] {
  const without = withoutValue(value, path);
  const parent = path.slice(0, -1);
  const left = valueAt(without, parent);
  if (parent.length === 0 || !isMapping(left) || isFilled(left)) return [without];
  return [without, withValue(value, parent, null), ...removals(value, parent)];
}

/** Returns one edit that turns `before` into `after`. */
function differenceOf(before: string, after: string): TextEdit {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let end = 0;
  const limit = Math.min(before.length, after.length) - start;
  while (end < limit && before.at(-1 - end) === after.at(-1 - end)) end++;
  return { offset: start, length: before.length - start - end, text: after.slice(start, after.length - end) };
}
