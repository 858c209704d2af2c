/** Reads a design that lists its runs. */
import { isDeepStrictEqual } from 'node:util';
import * as l10n from '@vscode/l10n';
import type { Finding } from '../../experiment/explain';
import { YAML_NOTATION } from '../../experiment/text/yamlDocument';
import type { StudySetting } from '../../protocol/study';
import { nearest } from '../../shared/nearest';
import type { Path } from '../../shared/path';
import { trickCalled } from '../../tricks/registry';
import type { WrittenStudy } from './schema';
import type { WrittenFactor } from './study';

type ListedRun = Exclude<WrittenStudy['design'], string>[number];

/** Returns the settings of listed runs, and errors in how they are written. */
export function readListedRuns(
  runs: readonly ListedRun[],
  factors: readonly WrittenFactor[],
): { readonly settings: readonly StudySetting[]; readonly findings: readonly Finding[] } {
  const findings: Finding[] = [];
  const settings = runs.map((run, index): StudySetting => {
    const setting = factors.map(() => 0);
    const entries: (readonly [key: string, value: unknown, path: Path])[] = Array.isArray(run)
      ? run.map((key, item) => [key, true, ['design', index, item]] as const)
      : Object.entries(run).map(([key, value]) => [key, value, ['design', index, key]] as const);
    for (const [key, value, path] of entries) {
      const level = levelOf(key, value, path, Array.isArray(run) ? 'value' : 'key', factors);
      if ('what' in level) findings.push(level);
      else setting[level.factor] = level.level;
    }
    return setting;
  });
  if (findings.length > 0) return { settings, findings };
  return { settings, findings: [...repeated(settings), ...unvaried(settings, factors)] };
}

function levelOf(
  key: string,
  value: unknown,
  path: Path,
  part: Finding['part'],
  factors: readonly WrittenFactor[],
): { readonly factor: number; readonly level: number } | Finding {
  const name = trickCalled(key)?.trick.name ?? key;
  const factor = factors.findIndex((each) => each.key === name);
  const found = factors[factor];
  if (!found) {
    const near = nearest(
      key,
      factors.map((each) => each.key),
    );
    return {
      path,
      part,
      what: l10n.t('This run sets {0}, which is not a factor.', key),
      remedy:
        near === undefined
          ? l10n.t('Add it to factors, or remove it here.')
          : l10n.t('Did you mean {0}?', near),
      ...(near !== undefined && { replacement: near }),
    };
  }
  const { values, kind } = found;
  // `true` is the single level with the trick, whatever its options.
  const isTheOne = kind === 'trick' && value === true && values.length === 2;
  const level = isTheOne ? 1 : values.findIndex((each) => isDeepStrictEqual(each, value));
  if (level >= 0) return { factor, level };
  return {
    path,
    part: part === 'key' ? 'value' : part,
    what: l10n.t('{0} has no such level.', found.key),
    remedy: l10n.t('Use one of {0}.', values.map((each) => YAML_NOTATION.inline(each)).join(', ')),
  };
}

function repeated(settings: readonly StudySetting[]): Finding[] {
  const first = new Map<string, number>();
  return settings.flatMap((setting, index): Finding[] => {
    const other = first.get(setting.join());
    if (other === undefined) {
      first.set(setting.join(), index);
      return [];
    }
    return [
      {
        path: ['design', index],
        part: 'value',
        what: l10n.t('This run is the same as run {0} in the list.', other + 1),
        remedy: l10n.t('Remove it: every block runs the whole list.'),
      },
    ];
  });
}

function unvaried(settings: readonly StudySetting[], factors: readonly WrittenFactor[]): Finding[] {
  return factors.flatMap(({ key, values, path }, factor): Finding[] => {
    const levels = new Set(settings.map((setting) => setting[factor]));
    const absent = values.findIndex((_, level) => !levels.has(level));
    if (absent < 0) return [];
    return [
      {
        path,
        part: 'key',
        what:
          levels.size === 1
            ? l10n.t('All listed runs have the same level of {0}.', key)
            : l10n.t('No listed run has the level {0} of {1}.', YAML_NOTATION.inline(values[absent]), key),
        remedy: l10n.t('Add a run with the missing level, or remove the factor.'),
      },
    ];
  });
}
