/** Reads search files, and reports every problem with its position and remedy. */
import * as l10n from '@vscode/l10n';
import type { Problem } from '../../experiment/problem';
import { type ExperimentDocument, parseDocument } from '../../experiment/text/document';
import { nearest } from '../../shared/nearest';
import type { Path } from '../../shared/path';
import { isMapping } from '../../shared/values';
import { trickCalled } from '../../tricks/registry';
import {
  SAMPLERS,
  SEARCH_METRICS,
  type Search,
  type SearchBudget,
  type SearchChoice,
  type SearchParameter,
} from './search';

export type SearchReading =
  | { readonly ok: true; readonly search: Search; readonly document: ExperimentDocument }
  | { readonly ok: false; readonly problems: readonly Problem[]; readonly document: ExperimentDocument };

/** A problem at a path in a search file. */
export interface SearchFinding {
  readonly path: Path;
  readonly part: 'key' | 'value';
  readonly what: string;
  readonly remedy: string;
  /** The key or value that was probably meant. */
  readonly replacement?: string | undefined;
}

const KEYS = [
  ...['name', 'experiment', 'search', 'budget', 'seeds', 'rungs', 'reduction'],
  ...['sampler', 'metric', 'seed', 'at_once'],
] as const;

/** Keys that the search itself controls. */
const OWN_KEYS: Readonly<Record<string, () => string>> = {
  'schedule.epochs': () => l10n.t('The rungs determine how long a trial trains.'),
  seed: () => l10n.t('Each trial uses the same seeds. To train with several, set seeds.'),
  name: () => l10n.t('The name has no effect.'),
};

/** More trials than any search has time for. */
const MOST_TRIALS = 100_000;

/** Whether a file's value is a search, not a study. */
export function isSearch(value: unknown): boolean {
  return isMapping(value) && 'search' in value && !('factors' in value);
}

/** Parses a search file, as JSON or YAML depending on its name. See `readSearch`. */
export function parseSearch(text: string, fileName: string): SearchReading {
  return readSearch(parseDocument(text, fileName));
}

/**
 * Parses the search in a document, without its experiment. `searchProblems` checks the search against the experiment.
 * Problems are in file order.
 */
export function readSearch(document: ExperimentDocument): SearchReading {
  if (document.problems.length > 0) return { ok: false, problems: document.problems, document };
  const reader = new Reader();
  const search = reader.search(document.value);
  if (search && reader.findings.length === 0) return { ok: true, search, document };
  return { ok: false, problems: placed(document, reader.findings), document };
}

/** Converts findings to problems with positions, in file order. */
export function placed(
  document: ExperimentDocument,
  findings: readonly SearchFinding[],
  severity: Problem['severity'] = 'error',
): Problem[] {
  return findings
    .map(({ path, part, what, remedy, replacement }) => ({
      ...{ severity, path, what, remedy },
      range: document.rangeOf(path, part),
      ...(replacement !== undefined && { replacement }),
    }))
    .toSorted((a, b) => a.range.start.offset - b.range.start.offset);
}

/** Reads a file's parts and collects their problems. */
class Reader {
  readonly findings: SearchFinding[] = [];

  /** Null if it has a problem. */
  search(value: unknown): Search | null {
    if (!isMapping(value)) {
      this.#wrong(
        [],
        l10n.t('This is not a search.'),
        l10n.t('Write name, experiment, search and budget as keys.'),
      );
      return null;
    }
    for (const key of Object.keys(value)) {
      if ((KEYS as readonly string[]).includes(key)) continue;
      const near = nearest(key, KEYS);
      const remedy = near ? l10n.t('Did you mean {0}?', near) : l10n.t('Valid keys: {0}.', KEYS.join(', '));
      this.#wrong([key], l10n.t('A search has no key {0}.', key), remedy, 'key', near);
    }
    const name = this.#text(value, 'name');
    const experiment = this.#text(value, 'experiment');
    const parameters = this.#parameters(value.search);
    const budget = this.#budget(value.budget);
    const whole = (key: string, least: number, fallback: number) =>
      value[key] === undefined ? fallback : this.#whole([key], value[key], least);
    const rungs = value.rungs === 'auto' ? 'auto' : whole('rungs', 1, 0);
    const read = {
      seeds: whole('seeds', 1, 1),
      rungs: rungs === 0 ? ('auto' as const) : rungs,
      reduction: whole('reduction', 2, 3),
      sampler: this.#oneOf(value, 'sampler', SAMPLERS, 'quasi_random'),
      metric: this.#oneOf(value, 'metric', SEARCH_METRICS, 'validation_accuracy'),
      seed: whole('seed', 0, 1),
      atOnce: whole('at_once', 1, 1),
    };
    return name !== null && experiment !== null && budget
      ? { name, experiment, parameters, budget, ...read }
      : null;
  }

  #text(value: Readonly<Record<string, unknown>>, key: 'name' | 'experiment'): string | null {
    const text = value[key];
    if (typeof text === 'string' && text.trim() !== '') return text;
    const what = text === undefined ? l10n.t('{0} is missing.', key) : l10n.t('{0} is not text.', key);
    const remedy =
      key === 'name'
        ? l10n.t('Name the search, such as name: tune-lr.')
        : l10n.t('Specify the experiment file, relative to this one.');
    this.#wrong(text === undefined ? [] : [key], what, remedy);
    return null;
  }

  #oneOf<Value extends string>(
    value: Readonly<Record<string, unknown>>,
    key: string,
    known: readonly Value[],
    fallback: Value,
  ): Value {
    const written = value[key];
    if (written === undefined) return fallback;
    const found = known.find((each) => each === written);
    if (found) return found;
    const near = typeof written === 'string' ? nearest(written, known) : undefined;
    this.#wrong(
      [key],
      l10n.t('{0} cannot be {1}.', key, JSON.stringify(written)),
      near ? l10n.t('Did you mean {0}?', near) : oneOfText(known),
      'value',
      near,
    );
    return fallback;
  }

  #whole(path: Path, value: unknown, least: number, most = Number.MAX_SAFE_INTEGER): number {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most)
      return value;
    const key = path.join('.');
    this.#wrong(path, l10n.t('{0} must be a whole number.', key), l10n.t('Write {0} or more.', least));
    return least;
  }

  #budget(value: unknown): SearchBudget | null {
    const remedy = l10n.t('Write budget: { trials: 16 } or budget: { hours: 2 }.');
    if (!isMapping(value) || Object.keys(value).length !== 1) {
      const what =
        value === undefined ? l10n.t('budget is missing.') : l10n.t('A budget sets either trials or hours.');
      this.#wrong(value === undefined ? [] : ['budget'], what, remedy);
      return null;
    }
    const { trials, hours } = value;
    if (trials !== undefined) return { trials: this.#whole(['budget', 'trials'], trials, 1, MOST_TRIALS) };
    if (typeof hours === 'number' && Number.isFinite(hours) && hours > 0) return { hours };
    this.#wrong(['budget'], l10n.t('A budget needs trials or hours above 0.'), remedy);
    return null;
  }

  #parameters(value: unknown): SearchParameter[] {
    if (!isMapping(value) || Object.keys(value).length === 0) {
      this.#wrong(
        value === undefined ? [] : ['search'],
        l10n.t('There is nothing to search over.'),
        l10n.t('Add keys with ranges or choices, such as optimizer.base_lr: { log: [0.01, 1] }.'),
        'key',
      );
      return [];
    }
    return Object.entries(value).flatMap(([key, written]) => {
      const own = OWN_KEYS[key];
      if (own) {
        this.#wrong(['search', key], l10n.t('{0} cannot be searched.', key), own(), 'key');
        return [];
      }
      return this.#parameter(key, written);
    });
  }

  #parameter(key: string, written: unknown): SearchParameter[] {
    const trick = key.includes('.') ? undefined : trickCalled(key)?.trick.name;
    const path = trick === undefined ? key.split('.') : ['tricks', trick];
    const place = ['search', key];
    if (path.some((part) => part === '')) {
      this.#wrong(
        place,
        l10n.t('{0} is not a key.', key),
        l10n.t('Write a key with dots between its parts.'),
        'key',
      );
      return [];
    }
    if (Array.isArray(written)) return this.#choices(key, path, place, written, trick !== undefined);
    if (isMapping(written) && trick === undefined) return this.#range(key, path, place, written);
    this.#wrong(
      place,
      trick === undefined
        ? l10n.t('{0} needs a range or choices.', key)
        : l10n.t('The trick {0} needs choices.', key),
      trick === undefined
        ? l10n.t(
            'Write {0}, {1}, {2} or a list of values.',
            'log: [0.01, 1]',
            'range: [0, 1]',
            'integers: [1, 8]',
          )
        : l10n.t('Write [off, on], or options such as [off, { alpha: 0.2 }].'),
    );
    return [];
  }

  #range(
    key: string,
    path: Path,
    place: Path,
    written: Readonly<Record<string, unknown>>,
  ): SearchParameter[] {
    const [kind, ...others] = Object.keys(written);
    if (
      others.length > 0 ||
      (kind !== 'log' && kind !== 'range' && kind !== 'integers' && kind !== 'log_integers')
    ) {
      const remedy = l10n.t(
        'Use log, range, integers or log_integers with the lowest and the highest value.',
      );
      this.#wrong(place, l10n.t('{0} is not a range.', key), remedy);
      return [];
    }
    const isLog = kind === 'log' || kind === 'log_integers';
    const isInteger = kind === 'integers' || kind === 'log_integers';
    const ends = written[kind];
    const isNumber = (end: unknown): end is number =>
      typeof end === 'number' && (isInteger ? Number.isSafeInteger(end) : Number.isFinite(end));
    const [low, high] = Array.isArray(ends) && ends.length === 2 ? (ends as unknown[]) : [];
    const at = [...place, kind];
    if (!isNumber(low) || !isNumber(high)) {
      const what = isInteger
        ? l10n.t('{0} needs a lowest and a highest whole number.', kind)
        : l10n.t('{0} needs a lowest and a highest number.', kind);
      this.#wrong(at, what, l10n.t('Write {0}.', isInteger ? `${kind}: [1, 8]` : `${kind}: [0.01, 1]`));
      return [];
    }
    if (low >= high) {
      this.#wrong(at, l10n.t('{0} is not below {1}.', low, high), l10n.t('Write the lower number first.'));
      return [];
    }
    if (isLog && low <= 0) {
      const remedy = l10n.t('Start above 0, or write {0}.', isInteger ? 'integers' : 'range');
      this.#wrong(at, l10n.t('{0} has no logarithm.', low), remedy);
      return [];
    }
    return [{ kind: 'range', key, path, low, high, isLog, isInteger }];
  }

  #choices(
    key: string,
    path: Path,
    place: Path,
    written: readonly unknown[],
    isTrick: boolean,
  ): SearchParameter[] {
    const choices = written.map((value) => choiceOf(value, isTrick));
    const known = new Set<string>();
    for (const [index, choice] of choices.entries()) {
      if (choice === null) {
        const what = l10n.t('This is not a choice for the trick {0}.', key);
        this.#wrong([...place, index], what, l10n.t('Write off, on, or its options in braces.'));
        return [];
      }
      const text = JSON.stringify(choice.value);
      if (known.has(text)) {
        const what = l10n.t('{0} has this choice twice.', key);
        this.#wrong([...place, index], what, l10n.t('Remove one of them.'));
        return [];
      }
      known.add(text);
    }
    if (choices.length < 2) {
      this.#wrong(
        place,
        l10n.t('{0} has fewer than two choices.', key),
        l10n.t('Write two or more, or remove it.'),
      );
      return [];
    }
    return [{ kind: 'choices', key, path, choices: choices.flatMap((choice) => choice ?? []) }];
  }

  #wrong(
    path: Path,
    what: string,
    remedy: string,
    part: SearchFinding['part'] = 'value',
    replacement?: string,
  ): void {
    this.findings.push({ path, part, what, remedy, replacement });
  }
}

/** Returns a choice as written; null if a trick does not accept it. */
function choiceOf(value: unknown, isTrick: boolean): SearchChoice | null {
  // YAML 1.2 reads on and off as strings.
  const meant = isTrick && value === 'on' ? true : isTrick && value === 'off' ? false : value;
  if (isTrick && typeof meant !== 'boolean' && !isMapping(meant)) return null;
  if (isTrick && typeof meant === 'boolean') return { label: meant ? 'on' : 'off', value: meant };
  const isPlain = typeof meant === 'string' || typeof meant === 'number' || typeof meant === 'boolean';
  return { label: isPlain ? meant : JSON.stringify(meant), value: meant };
}

function oneOfText(known: readonly string[]): string {
  return l10n.t('Use one of {0}.', known.join(', '));
}
