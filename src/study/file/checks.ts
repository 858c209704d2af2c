/** Checks a study's factors against its experiment, and its blocks and budget. */
import { isDeepStrictEqual } from 'node:util';
import * as l10n from '@vscode/l10n';
import type { Finding } from '../../experiment/explain';
import type { StudySetting } from '../../protocol/study';
import { type AnyRecipe, networkRecipe } from '../../recipe/anyRecipe';
import { nearest } from '../../shared/nearest';
import type { Path } from '../../shared/path';
import { valueAt } from '../../shared/values';
import { trickCalled } from '../../tricks/registry';
import { validationOrigin } from './blocks';
import { shortened } from './factors';
import { isKey, meantKey } from './keys';
import { ownWords } from './resolveValue';
import {
  changedLevels,
  exclusionsAmong,
  levelObstacle,
  type SettingSpace,
  settingSpace,
  settingWith,
} from './settings';
import { type Baseline, type FactorLevel, isCommandBaseline, type Study, type WrittenFactor } from './study';

/** Checks the levels of a study's factors. Returns errors and warnings separately. */
export function levelFindings(
  study: Study,
  baseline: Baseline,
): { readonly errors: readonly Finding[]; readonly warnings: readonly Finding[] } {
  const { factors } = study;
  const value = ownWords(baseline.document.value);
  const isCommand = isCommandBaseline(baseline);
  const unknown = factors.flatMap((factor) =>
    isCommand ? unknownInCommand(factor, value) : unknownKey(factor, value),
  );
  if (unknown.length > 0) return { errors: unknown, warnings: [] };
  const space = settingSpace(factors, baseline);
  const reference = settingWith(factors.length);
  const base = space.resolved(reference);
  if (!base.ok) {
    const own = isCommand ? commandFindings(factors, base.findings) : [];
    if (own.length > 0) return { errors: own, warnings: [] };
    const [first] = base.findings;
    const errors: Finding[] = [
      {
        path: ['factors'],
        part: 'key',
        what: l10n.t(
          'With every factor at its first level, the experiment cannot be trained: {0}',
          first?.what ?? '',
        ),
        remedy: first?.remedy ?? '',
      },
    ];
    return { errors, warnings: [] };
  }
  const errors: Finding[] = [];
  const warnings: Finding[] = [];
  const seen = new Map<string, FactorLevel>();
  for (const level of changedLevels(factors)) {
    const factor = factors[level.factor] as WrittenFactor;
    const obstacle = levelObstacle(factors, baseline, level);
    if (obstacle !== null) {
      errors.push(at(factor, level, uneditable(factor, obstacle)));
      continue;
    }
    const setting = settingWith(factors.length, level);
    const alone = space.resolved(setting);
    if (!alone.ok) {
      const found = untrainable(factor, level, alone.findings[0]);
      if (canStandBesideSome(level, factors, space)) warnings.push(found);
      else errors.push(found);
      continue;
    }
    if (!isSameData(base.recipe, alone.recipe)) {
      errors.push(at(factor, level, otherImages(factor)));
      continue;
    }
    const key = space.keyOf(setting) ?? '';
    const same = seen.get(`${level.factor} ${key}`);
    if (key === space.keyOf(reference)) errors.push(at(factor, level, changesNothing(factor, isCommand)));
    else if (same) errors.push(at(factor, level, sameAs(factor, same)));
    seen.set(`${level.factor} ${key}`, level);
  }
  if (errors.length > 0) return { errors, warnings };
  const listed = listedFindings(study, space);
  const pairs = exclusiveFactors(factors, space);
  const impossible = pairs.flatMap(({ first, second }) => designProblem(study, first, second));
  return {
    errors: [...listed, ...impossible.slice(0, 1)],
    warnings: [...warnings, ...pairs.map(({ finding }) => finding)],
  };
}

/** Reports folds that are requested although the data set has its own validation images. */
export function foldFindings({ blocks }: Study, baseline: Baseline): Finding[] {
  if (blocks !== 'folds') return [];
  const isCommand = isCommandBaseline(baseline);
  if (!isCommand && validationOrigin(baseline) !== 'own') return [];
  return [
    {
      path: ['blocks'],
      part: 'value',
      what: isCommand
        ? l10n.t('There are no folds: the command chooses its validation images itself.')
        : l10n.t(
            'Folds need validation images split from the training images, but {0} has its own.',
            baseline.recipe.data.dataset.name,
          ),
      remedy: l10n.t('Use seeds.'),
      replacement: 'seeds',
    },
  ];
}

interface Words {
  readonly what: string;
  readonly remedy: string;
}

function at(factor: WrittenFactor, { level }: FactorLevel, words: Words): Finding {
  const path = factor.levelPaths[level] ?? factor.path;
  return { path, part: isOwnEntry(factor, path) ? 'key' : 'value', ...words };
}

/** Whether a path points to the factor itself, as a key with a value below it. */
function isOwnEntry(factor: WrittenFactor, path: Path): boolean {
  return path.length === factor.path.length && typeof path.at(-1) === 'string';
}

function unknownKey({ key, kind, path }: WrittenFactor, value: unknown): Finding[] {
  if (kind === 'trick' || isKey(key, value)) return [];
  const near = meantKey(key, value);
  const trick = trickCalled(key.split('.').at(-1) ?? '')?.trick.name;
  return [
    {
      path,
      part: 'key',
      what: l10n.t('{0} is neither a trick nor a key of the experiment.', shortened(key)),
      remedy:
        near !== undefined
          ? l10n.t('Did you mean {0}?', near)
          : trick !== undefined
            ? l10n.t('Write {0}.', trick)
            : l10n.t('Write a trick, or a key with dots such as optimizer.weight_decay.'),
      ...(near !== undefined && { replacement: near }),
    },
  ];
}

/** The parts of a command's experiment whose keys may be factors. */
const COMMAND_FACTORS: readonly (readonly string[])[] = [
  ['trainer', 'values'],
  ['trainer', 'environment'],
];

/** Reports a key that is no value, environment variable or option of a trick in a command's experiment. */
function unknownInCommand({ key, kind, path }: WrittenFactor, value: unknown): Finding[] {
  const parts = key.split('.');
  const isOption = parts.length === 3 && parts[0] === 'tricks' && isKey(key, value);
  const isWritten = parts.length === 3 && valueAt(value, parts) !== undefined;
  const isAllowed = COMMAND_FACTORS.some((above) => above.every((part, index) => parts[index] === part));
  if (kind === 'trick' || isOption || (isAllowed && isWritten)) return [];
  const written = COMMAND_FACTORS.flatMap((above) =>
    Object.keys(Object(valueAt(value, above))).map((name) => [...above, name].join('.')),
  );
  const last = parts.at(-1) ?? '';
  const near = nearest(key, written) ?? written.find((each) => each.split('.').at(-1) === last);
  const name = /^[A-Za-z_]\w*$/.test(last) ? last : 'lr';
  return [
    {
      path,
      part: 'key',
      what: l10n.t('{0} is neither a trick nor a value of the command.', shortened(key)),
      remedy:
        near === undefined
          ? l10n.t(
              'Write {0} in the command, and {1} under trainer. Then {2} is a factor.',
              ...[`\${${name}}`, `values: { ${name}: ... }`, `trainer.values.${name}`],
            )
          : l10n.t('Did you mean {0}?', near),
      ...(near !== undefined && { replacement: near }),
    },
  ];
}

/** Returns what a command's experiment says about factors at their first levels, each at its factor. */
function commandFindings(factors: readonly WrittenFactor[], findings: readonly Finding[]): Finding[] {
  return findings.flatMap((found): Finding[] => {
    const factor = factors.find(({ key, kind }) => {
      const path = kind === 'trick' ? ['tricks', key] : key.split('.');
      return path.every((part, index) => found.path[index] === part);
    });
    if (!factor) return [];
    const { what, remedy } = found;
    return [{ path: factor.path, part: isOwnEntry(factor, factor.path) ? 'key' : 'value', what, remedy }];
  });
}

function uneditable({ key }: WrittenFactor, reason: string): Words {
  return {
    what: l10n.t('The experiment file cannot be edited for {0}: {1}', key, reason),
    remedy: l10n.t('Write that part of the experiment as a separate mapping.'),
  };
}

/** Converts an experiment's finding for a level to a finding at its position in the study file. */
function untrainable(factor: WrittenFactor, level: FactorLevel, found: Finding | undefined): Finding {
  const own = factor.kind === 'trick' ? ['tricks', factor.key] : factor.key.split('.');
  const path = factor.levelPaths[level.level] ?? factor.path;
  const isOwn = own.every((part, index) => String(found?.path[index]) === part);
  const what = found?.what ?? '';
  const remedy = found?.remedy ?? '';
  if (!found || !isOwn) {
    const words = {
      what: l10n.t('With {0}, the experiment cannot be trained: {1}', factor.key, what),
      remedy,
    };
    return at(factor, level, words);
  }
  const below = found.path.slice(own.length);
  if (below.length === 0) return at(factor, level, { what, remedy });
  const isInFile = valueAt(factor.values[level.level], below) !== undefined;
  return {
    path: [...path, ...below],
    part: found.part,
    what,
    remedy,
    ...(isInFile && found.replacement !== undefined && { replacement: found.replacement }),
  };
}

/** Whether a level that cannot be trained alone can be combined with some level of another factor. */
function canStandBesideSome(
  level: FactorLevel,
  factors: readonly WrittenFactor[],
  space: SettingSpace,
): boolean {
  return changedLevels(factors).some(
    (other) => other.factor !== level.factor && space.resolved(settingWith(factors.length, level, other)).ok,
  );
}

/** Which images a command uses is not known here. */
function isSameData(first: AnyRecipe, second: AnyRecipe): boolean {
  const [one, other] = [networkRecipe(first)?.data, networkRecipe(second)?.data];
  if (!one || !other) return true;
  return (
    isDeepStrictEqual(one.source, other.source) &&
    one.dataset.fingerprint === other.dataset.fingerprint &&
    one.dataset.validationImages === other.dataset.validationImages
  );
}

function otherImages({ key }: WrittenFactor): Words {
  return {
    what: l10n.t('{0} changes which images are used for validation, so its levels cannot be compared.', key),
    remedy: l10n.t('Remove it from the factors.'),
  };
}

function changesNothing({ key, values }: WrittenFactor, isCommand: boolean): Words {
  const [section, part, name] = key.split('.');
  if (isCommand && section === 'trainer' && part === 'values') {
    return {
      what: l10n.t('{0} changes nothing in this experiment.', key),
      remedy: l10n.t('Use {0} in the command.', `\${${name}}`),
    };
  }
  return {
    what:
      values.length === 2
        ? l10n.t('{0} changes nothing in this experiment.', key)
        : l10n.t('This level of {0} changes nothing in this experiment.', key),
    remedy: l10n.t('Remove it from the factors.'),
  };
}

function sameAs({ key }: WrittenFactor, { level }: FactorLevel): Words {
  return {
    what: l10n.t('This level of {0} trains the same as its level {1}.', key, level + 1),
    remedy: l10n.t('Remove one of them.'),
  };
}

interface ExclusivePair {
  readonly first: WrittenFactor;
  readonly second: WrittenFactor;
  readonly finding: Finding;
}

/** Returns pairs of factors that no run can combine, whatever their levels. */
function exclusiveFactors(factors: readonly WrittenFactor[], space: SettingSpace): ExclusivePair[] {
  const exclusions = exclusionsAmong(factors, space);
  return factors.flatMap((second, j) =>
    factors.slice(0, j).flatMap((first, i): ExclusivePair[] => {
      const both = exclusions.filter((each) => each.first.factor === i && each.second.factor === j);
      if (both.length < (first.values.length - 1) * (second.values.length - 1)) return [];
      const isImpossible = both.some(({ why }) => why === 'impossible');
      const finding: Finding = {
        path: second.path,
        part: 'key',
        what: isImpossible
          ? l10n.t('{0} and {1} exclude each other.', first.key, second.key)
          : l10n.t('One of {0} and {1} changes nothing if the other is present.', first.key, second.key),
        remedy: l10n.t('No run has both. The design accounts for that.'),
      };
      return [{ first, second, finding }];
    }),
  );
}

/** Reports a design that runs all factors together if two of them exclude each other. */
function designProblem(study: Study, first: WrittenFactor, second: WrittenFactor): Finding[] {
  if (study.design !== 'leave_one_out' && study.design !== 'stack') return [];
  return [
    {
      path: ['design'],
      part: 'value',
      what: l10n.t(
        'The design {0} combines all factors, but no run can have both {1} and {2}.',
        study.design,
        first.key,
        second.key,
      ),
      remedy: l10n.t('Use auto, or remove one of them.'),
      replacement: 'auto',
    },
  ];
}

/** Reports runs of a listed design that cannot be trained. */
function listedFindings({ design }: Study, space: SettingSpace): Finding[] {
  if (typeof design === 'string') return [];
  return design.flatMap((setting: StudySetting, index): Finding[] => {
    const resolved = space.resolved(setting);
    if (resolved.ok) return [];
    const [found] = resolved.findings;
    return [
      {
        path: ['design', index],
        part: 'value',
        what: l10n.t('This run cannot be trained: {0}', found?.what ?? ''),
        remedy: found?.remedy ?? '',
      },
    ];
  });
}
