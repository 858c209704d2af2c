import { isDeepStrictEqual } from 'node:util';
import * as l10n from '@vscode/l10n';
import type { Path } from '../../shared/path';
import { isMapping, valueAt, withoutValue, withValue } from '../../shared/values';
import { Lines, type Problem, type Range } from '../problem';
import { JSON_NOTATION, parseJson } from './jsonDocument';
import {
  MAX_TOKENS,
  NestingError,
  type Notation,
  placeAt,
  type SyntaxTree,
  spanOf,
  TokenCountError,
} from './syntax';
import { applyEdits, type EditResult, type TextEdit } from './textEdits';
import { removalEdits, type SetOptions, setEdits } from './treeEdits';
import { parseYaml, YAML_NOTATION } from './yamlDocument';

/** A larger text is no experiment, and is not read. */
const MAX_LENGTH = 1 << 20;

/** Reads `text` as JSON where the name ends in .json or .jsonc, as YAML otherwise. */
export function parseDocument(text: string, fileName: string): ExperimentDocument {
  return new ExperimentDocument(text, /\.jsonc?$/i.test(fileName) ? 'json' : 'yaml');
}

/** An experiment file as text: what it says, where it says it, and edits that keep the rest of it. */
export class ExperimentDocument {
  /** Plain data; undefined where the text cannot be read. */
  readonly value: unknown;
  /** What is wrong with the text as YAML or JSON; one problem a line, since one mistake leads to others. */
  readonly problems: readonly Problem[];
  readonly #tree: SyntaxTree;
  readonly #lines: Lines;

  constructor(
    readonly text: string,
    readonly format: 'yaml' | 'json',
  ) {
    this.#lines = new Lines(text);
    this.#tree = parse(text, format);
    this.value = this.#tree.value;
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

  /** The place of a key or value; of the nearest key above it where the file does not hold it. */
  rangeOf(path: Path, part: 'key' | 'value' = 'value'): Range {
    const { start, end } = spanOf(this.#tree.root, path, part);
    return this.#lines.range(start, end);
  }

  /** The key or value at an offset of the text; null between them. */
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

  /** Edits that write `value` at `path`, parents included; none where it stands there already. */
  setIn(path: Path, value: unknown, options: SetOptions = {}): EditResult {
    const before = valueAt(this.value, path);
    if (isDeepStrictEqual(before, value)) return { ok: true, edits: [] };
    if (isFilled(before) && isFilled(value)) return this.#merge(path, before, value);
    return this.#checked(setEdits(this.#source(), path, value, options), [
      withValue(this.value, path, value),
    ]);
  }

  /**
   * Edits that take away the key at `path`; none where there is no such key. A mapping that loses its last key
   * goes too, unless it holds comments or braces that were there before.
   */
  removeIn(path: Path): EditResult {
    if (valueAt(this.value, path) === undefined) return { ok: true, edits: [] };
    return this.#checked(removalEdits(this.#source(), path), removals(this.value, path));
  }

  /** Why `value` cannot be written at `path`, or what is there taken away where it is undefined, as the syntax tells. */
  obstacleTo(path: Path, value: unknown): string | null {
    const result =
      value === undefined ? removalEdits(this.#source(), path) : setEdits(this.#source(), path, value, {});
    return result.ok ? null : result.reason;
  }

  /** Key by key, so that comments between the keys stay. */
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

  /** One edit that does what each step makes of the document as the one before left it. */
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

  /** How new parts of the file are written. */
  get notation(): Notation {
    return this.format === 'json' ? JSON_NOTATION : YAML_NOTATION;
  }

  #source() {
    return { text: this.text, root: this.#tree.root, notation: this.notation };
  }

  /** Reads the edited text before anyone relies on it: it must say one of `expected` and break nothing. */
  #checked(result: EditResult, expected: readonly unknown[]): EditResult {
    if (!result.ok) return result;
    const edited = parse(applyEdits(this.text, result.edits), this.format);
    const known = new Set(this.#tree.problems.map(({ what }) => what));
    const broken = edited.problems.find(({ what }) => !known.has(what));
    if (broken) return { ok: false, reason: broken.what };
    if (!expected.some((value) => isDeepStrictEqual(value, edited.value))) {
      return {
        ok: false,
        reason: l10n.t('The edit would change other parts of the file, as it is written now.'),
      };
    }
    return result;
  }
}

function parse(text: string, format: 'yaml' | 'json'): SyntaxTree {
  if (text.length > MAX_LENGTH) {
    return unreadable(l10n.t('The file is larger than 1 MiB.'), l10n.t('Choose an experiment file.'));
  }
  try {
    return format === 'json' ? parseJson(text) : parseYaml(text);
  } catch (error) {
    if (error instanceof TokenCountError) {
      return unreadable(
        l10n.t('The file has more than {0} words and marks.', MAX_TOKENS),
        l10n.t('Choose an experiment file: it has under a hundred lines.'),
      );
    }
    if (!(error instanceof NestingError)) throw error;
    return unreadable(
      l10n.t('The values are nested too deeply.'),
      l10n.t('An experiment needs four levels.'),
    );
  }
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

/** What may be left once `path` is gone: an emptied parent may stay as it is, be null, or go as well. */
function removals(value: unknown, path: Path): unknown[] {
  const without = withoutValue(value, path);
  const parent = path.slice(0, -1);
  const left = valueAt(without, parent);
  if (parent.length === 0 || !isMapping(left) || isFilled(left)) return [without];
  return [without, withValue(value, parent, null), ...removals(value, parent)];
}

/** One edit that turns `before` into `after`. */
function differenceOf(before: string, after: string): TextEdit {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let end = 0;
  const limit = Math.min(before.length, after.length) - start;
  while (end < limit && before.at(-1 - end) === after.at(-1 - end)) end++;
  return { offset: start, length: before.length - start - end, text: after.slice(start, after.length - end) };
}
