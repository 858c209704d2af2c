/** Reads the list of factors, independent of their meaning in an experiment. */
import { isDeepStrictEqual } from 'node:util';
import * as l10n from '@vscode/l10n';
import type { Finding } from '../../experiment/explain';
import { YAML_NOTATION } from '../../experiment/text/yamlDocument';
import { nearest } from '../../shared/nearest';
import type { Path } from '../../shared/path';
import { isMapping } from '../../shared/values';
import { ALL_TRICKS, trickCalled } from '../../tricks/registry';
import type { WrittenStudy } from './schema';
import type { WrittenFactor } from './study';

export interface FactorsReading {
  readonly factors: readonly WrittenFactor[];
  readonly findings: readonly Finding[];
}

/**
 * Maximum number of levels besides the first ones, over all factors, with effects that a design can still be searched
 * for.
 */
const MOST_LEVELS = 40;

/** Names that a command's experiment gives, by which factors may be called. */
export interface CommandNames {
  /** Names in `trainer.arguments` that are no tricks. */
  readonly switches: readonly string[];
  /** Names in `trainer.values`. */
  readonly values: readonly string[];
}

export const NO_NAMES: CommandNames = { switches: [], values: [] };

/** Reads the factors of a study file, and reports errors in how they are written. */
export function readFactors(
  written: WrittenStudy['factors'],
  names: CommandNames = NO_NAMES,
): FactorsReading {
  const findings: Finding[] = [];
  const factors: WrittenFactor[] = [];
  written.forEach((item, index) => {
    const reading = readFactor(item, ['factors', index], names);
    if ('what' in reading) findings.push(reading);
    else factors.push(reading);
  });
  const levels = factors.reduce((sum, { values }) => sum + values.length - 1, 0);
  if (levels > MOST_LEVELS) return { factors: [], findings: [tooManyLevels(levels)] };
  return { factors, findings: [...findings, ...repetitions(factors)] };
}

/** Longer than any name or key. */
const LONGEST_SHOWN = 80;

/** Shortens a name for a message. */
export function shortened(name: string): string {
  return name.length > LONGEST_SHOWN ? `${name.slice(0, LONGEST_SHOWN)}...` : name;
}

function tooManyLevels(levels: number): Finding {
  return {
    path: ['factors'],
    part: 'key',
    what: l10n.t(
      'The factors have {0} levels besides their first levels. A study allows at most {1}.',
      levels,
      MOST_LEVELS,
    ),
    remedy: l10n.t('Remove factors or levels.'),
  };
}

function readFactor(
  item: string | Readonly<Record<string, unknown>>,
  path: Path,
  names: CommandNames,
): WrittenFactor | Finding {
  if (typeof item === 'string') return bareTrick(item, path, names);
  const [entry, ...others] = Object.entries(item);
  if (!entry || others.length > 0) {
    return {
      path,
      part: 'value',
      what: entry
        ? l10n.t('A factor is one trick or one key, but this one has {0}.', others.length + 1)
        : l10n.t('A factor is empty.'),
      remedy: entry
        ? l10n.t('Put each on its own line, with a dash before it.')
        : l10n.t('Write a trick such as warmup, or a key with its values.'),
    };
  }
  const [key, value] = entry;
  if (names.switches.includes(key)) return switchFactor(key, value, path);
  // In a command, a name stands for its placeholder.
  if (names.values.includes(key)) return keyFactor(`trainer.values.${key}`, value, path, key);
  return key.includes('.') || !trickCalled(key)
    ? keyFactor(key, value, path)
    : trickFactor(key, value, [...path, key]);
}

/** A name in `trainer.arguments` that is no trick is a factor like a trick without options. */
function switchFactor(key: string, value: unknown, above: Path): WrittenFactor | Finding {
  const path = [...above, key];
  if (value === true || value === null) {
    return { key, kind: 'trick', values: [false, true], path, levelPaths: [path, path] };
  }
  return {
    path,
    part: 'value',
    what: l10n.t('{0} has no options: it is a name in {1}.', key, 'trainer.arguments'),
    remedy: l10n.t('Write only its name, to compare without and with it.'),
  };
}

function bareTrick(written: string, path: Path, { switches, values }: CommandNames): WrittenFactor | Finding {
  if (switches.includes(written)) {
    return { key: written, kind: 'trick', values: [false, true], path, levelPaths: [path, path] };
  }
  if (values.includes(written)) {
    return {
      path,
      part: 'value',
      what: l10n.t('The factor {0} has one level.', written),
      remedy: l10n.t(
        'Write two values or more, the reference first, such as {0}.',
        `${written}: [0.1, 0.05]`,
      ),
    };
  }
  const called = trickCalled(written);
  if (called) {
    return {
      key: called.trick.name,
      kind: 'trick',
      values: [false, true],
      path,
      levelPaths: [path, path],
    };
  }
  const names = [...switches, ...ALL_TRICKS.map(({ name }) => name)];
  const near = nearest(written, names);
  return {
    path,
    part: 'value',
    what: l10n.t('There is no trick {0}.', shortened(written)),
    remedy:
      near === undefined
        ? l10n.t('Use one of {0}, or a key with two values or more.', names.join(', '))
        : l10n.t('Did you mean {0}?', near),
    ...(near !== undefined && { replacement: near }),
  };
}

/**
 * Reads `true`, options, or a list of options. A bare value sets the option that another system's trick name refers to.
 */
function trickFactor(written: string, value: unknown, path: Path): WrittenFactor | Finding {
  const called = trickCalled(written);
  if (!called) throw new Error(`${written} is a trick.`);
  const { trick, option } = called;
  const sets = Array.isArray(value) ? value : [value];
  const options = sets.map((set) =>
    option !== undefined && written !== trick.name && !isMapping(set) && typeof set !== 'boolean'
      ? { [option]: set }
      : (set ?? true),
  );
  const wrong = options.findIndex((set) => set !== true && !isMapping(set));
  if (wrong >= 0 || options.length === 0) {
    return {
      path: Array.isArray(value) && options.length > 0 ? [...path, wrong] : path,
      part: 'value',
      what: l10n.t('The factor {0} needs options, or a list of several sets of them.', trick.name),
      remedy: l10n.t(
        'Write only its name to compare without and with it, or add options such as {0}.',
        exampleOf(trick),
      ),
    };
  }
  const inside = options.flatMap((set) => Object.entries(set)).find(([, each]) => Array.isArray(each));
  if (inside && !Array.isArray(value)) return listInside(trick.name, inside, path);
  const seen = repeatedIn(options);
  if (seen >= 0) return sameLevel(trick.name, [...path, seen]);
  return {
    key: trick.name,
    kind: 'trick',
    values: [false, ...options],
    path,
    levelPaths: [path, ...options.map((_, index) => (Array.isArray(value) ? [...path, index] : path))],
  };
}

/** Reports a list inside a trick's options. No option takes a list, so several levels were meant. */
function listInside(trick: string, [option, values]: readonly [string, unknown], path: Path): Finding {
  const sets = (values as readonly unknown[]).map((value) => ({ [option]: value }));
  return {
    path: [...path, option],
    part: 'value',
    what: l10n.t('{0} is a list instead of one value.', `${trick}.${option}`),
    remedy: l10n.t('Write several sets of options, such as {0}.', YAML_NOTATION.inline(sets)),
  };
}

function exampleOf({ options }: ReturnType<typeof trickOf>): string {
  const [first] = Object.entries(options.parse({}));
  return first ? `{ ${first[0]}: ${first[1]} }` : 'true';
}

function trickOf(name: string) {
  const called = trickCalled(name);
  if (!called) throw new Error(`${name} is a trick.`);
  return called.trick;
}

function keyFactor(key: string, value: unknown, above: Path, written: string = key): WrittenFactor | Finding {
  const path = [...above, written];
  const [section, name, ...rest] = key.split('.');
  if (key.split('.').some((part) => part === '')) {
    return {
      path,
      part: 'key',
      what: l10n.t('{0} is not a key.', key),
      remedy: l10n.t('Write a key with dots between its parts, such as optimizer.weight_decay.'),
    };
  }
  if (section === 'seed') {
    return {
      path,
      part: 'key',
      what: l10n.t('The seed is not a factor.'),
      remedy: l10n.t('Remove it: a study runs its design with several seeds anyway.'),
    };
  }
  const called = section === 'tricks' && name !== undefined ? trickCalled(name) : undefined;
  if (called && rest.length === 0) {
    return {
      path,
      part: 'key',
      what: l10n.t('To use a trick as a factor, write only its name.'),
      remedy: l10n.t('Write {0}.', called.trick.name),
      replacement: called.trick.name,
    };
  }
  if (!Array.isArray(value) || value.length < 2) {
    const single = Array.isArray(value) ? value[0] : value;
    return {
      path,
      part: 'key',
      what: l10n.t('The factor {0} has one level.', key),
      remedy: isMapping(single)
        ? l10n.t('Write a list of two values or more, the reference first.')
        : l10n.t('Write two values or more, the reference first, such as [{0}, ...].', String(single ?? '')),
    };
  }
  const seen = repeatedIn(value);
  if (seen >= 0) return sameLevel(key, [...path, seen]);
  const ours = called ? ['tricks', called.trick.name, ...rest].join('.') : key;
  return {
    key: ours,
    kind: 'key',
    values: value,
    path,
    levelPaths: value.map((_, index) => [...path, index]),
  };
}

/**
 * Returns the index of the first value that repeats an earlier one, within the maximum number of levels; -1 if there is
 * none.
 */
function repeatedIn(values: readonly unknown[]): number {
  return values
    .slice(0, MOST_LEVELS + 1)
    .findIndex((each, index) => values.slice(0, index).some((other) => isDeepStrictEqual(other, each)));
}

function sameLevel(key: string, path: Path): Finding {
  return {
    path,
    part: 'value',
    what: l10n.t('{0} has this level twice.', key),
    remedy: l10n.t('Remove one of them.'),
  };
}

/** Reports factors that change the same part of an experiment. */
function repetitions(factors: readonly WrittenFactor[]): Finding[] {
  return factors.flatMap((factor, index): Finding[] => {
    const other = factors.slice(0, index).find((each) => overlap(each, factor));
    if (!other) return [];
    return [
      {
        path: factor.path,
        part: 'key',
        what:
          other.key === factor.key
            ? l10n.t('{0} is listed twice.', factor.key)
            : l10n.t('{0} and {1} change the same part of the experiment.', other.key, factor.key),
        remedy:
          factor.kind === 'key' && factor.key.startsWith('tricks.')
            ? l10n.t('Give the trick a list of several sets of options instead.')
            : l10n.t('Remove one of them.'),
      },
    ];
  });
}

function overlap(one: WrittenFactor, other: WrittenFactor): boolean {
  const [a, b] = [partOf(one), partOf(other)];
  return a === b || a.startsWith(`${b}.`) || b.startsWith(`${a}.`);
}

function partOf({ kind, key }: WrittenFactor): string {
  return kind === 'trick' ? `tricks.${key}` : key;
}
