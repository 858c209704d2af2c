import * as l10n from '@vscode/l10n';
import type { Range } from '../../experiment/problem';
import { fieldAt } from '../../experiment/schemaTree';
import { markdownCode, markdownText } from '../../shared/markdown';
import { valueAt } from '../../shared/values';
import type { RunIndex } from '../../study/effect';
import { fileSchema } from '../../study/file/fileSchema';
import { METRICS } from '../../study/file/metrics';
import { ownWords } from '../../study/file/resolveValue';
import type { Baseline, StudyParse } from '../../study/file/study';
import { isSearch } from '../../study/search/parse';
import { rangeSchema } from '../../study/search/schema';
import { trickCalled } from '../../tricks/registry';
import { trickParts } from '../hovers';
import { trickFits } from '../trickFit';

/** A study file's hover text in Markdown. Content from files and runs is escaped as plain text. */
export interface StudyHover {
  readonly range: Range;
  readonly parts: readonly string[];
}

/** Returns the hover for the key or value at an offset of a study file, null if there is none. */
export function studyHoverAt(
  parsed: StudyParse,
  baseline: Baseline | null,
  offset: number,
  runs: RunIndex,
  hasSchemaHelp: boolean,
): StudyHover | null {
  const { document } = parsed;
  const place = document.placeAt(offset);
  if (!place) return null;
  const { path, range, part } = place;
  const [section, item, name, ...rest] = path;
  if (section === 'factors' && typeof item === 'number') {
    const key = name ?? valueAt(document.value, path);
    if (typeof key !== 'string') return null;
    const parts = rest.length === 0 ? factorParts(key, baseline, runs) : optionParts(key, rest, baseline);
    return parts.length > 0 ? { range, parts } : null;
  }
  if (section === 'design' && item !== undefined) return null;
  if (section === 'search' && typeof item === 'string' && path.length === 2) {
    const parts = factorParts(item, baseline, runs);
    return parts.length > 0 ? { range, parts } : null;
  }
  if (hasSchemaHelp) return null;
  // The fields of a parameter's range do not depend on the parameter's name.
  const known = section === 'search' && path.length > 2 ? path.slice(2) : path;
  const schema = known === path ? fileSchema(document.value) : rangeSchema;
  const field = fieldAt(known, valueAt(document.value, path.slice(0, -known.length)), schema);
  if (!field) return null;
  const meaning = field.description ?? '';
  const isStudyMetric = section === 'metric' && !isSearch(document.value);
  const values = isStudyMetric ? METRICS : [...field.values.keys()].map(String);
  const parts = [
    ...(part === 'key' ? [`**${markdownText(path.join('.'))}**`] : []),
    meaning,
    ...(values.length > 0 ? [l10n.t('One of {0}.', values.map(markdownCode).join(', '))] : []),
    ...(field.default === undefined
      ? []
      : [l10n.t('Default: {0}.', markdownCode(document.notation.inline(field.default)))]),
  ].filter((text) => text !== '');
  return parts.length > 0 ? { range, parts } : null;
}

/** Describes a trick in full, or the meaning and value of a key of the experiment. */
function factorParts(key: string, baseline: Baseline | null, runs: RunIndex): string[] {
  const trick = trickCalled(key)?.trick;
  if (trick && !key.includes('.')) {
    const fit = baseline ? trickFits(baseline).find((each) => each.trick === trick) : undefined;
    const state = !fit
      ? []
      : [
          fit.isIn
            ? l10n.t('The experiment uses it. The study compares this with the experiment without it.')
            : l10n.t('The experiment does not use it. The study compares this with the experiment with it.'),
        ];
    return [...trickParts(trick, fit, runs, []), ...state];
  }
  return keyParts(key.split('.'), baseline);
}

function optionParts(key: string, rest: readonly (string | number)[], baseline: Baseline | null): string[] {
  const trick = trickCalled(key)?.trick;
  const names = rest.filter((each) => typeof each === 'string');
  if (trick) return names.length === 0 ? [] : keyParts(['tricks', trick.name, ...names], baseline);
  return keyParts([...key.split('.'), ...names], baseline);
}

function keyParts(path: readonly string[], baseline: Baseline | null): string[] {
  const value = baseline ? ownWords(baseline.document.value) : {};
  const field = fieldAt(path, value);
  if (!field) return [];
  const now = baseline ? (valueAt(baseline.experiment, path) ?? field.default) : undefined;
  return [
    `**${markdownText(path.join('.'))}**`,
    ...(field.description === undefined ? [] : [field.description]),
    ...(now === undefined
      ? []
      : [l10n.t('Value in the experiment: {0}.', markdownCode(JSON.stringify(now)))]),
  ];
}
