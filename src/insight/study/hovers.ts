import * as l10n from '@vscode/l10n';
import type { Range } from '../../experiment/problem';
import { fieldAt } from '../../experiment/schemaTree';
import { markdownCode, markdownText } from '../../shared/markdown';
import { valueAt } from '../../shared/values';
import type { RunIndex } from '../../study/effect';
import { fileSchema } from '../../study/file/fileSchema';
import { METRICS } from '../../study/file/metrics';
import { ownWords } from '../../study/file/resolveValue';
import {
  type Baseline,
  type CommandBaseline,
  isCommandBaseline,
  type StudyParse,
} from '../../study/file/study';
import { isSearch } from '../../study/search/parse';
import { rangeSchema } from '../../study/search/schema';
import { type TrickName, trickCalled } from '../../tricks/registry';
import type { Trick } from '../../tricks/trick';
import { trickParts } from '../hovers';
import { trickFits } from '../trickFit';
import { commandTricks, switchesOf } from './commandFactors';

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
    if (baseline && isCommandBaseline(baseline)) return commandTrickParts(trick, baseline, runs);
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
  const named = baseline && isCommandBaseline(baseline) ? commandNameParts(key, baseline) : [];
  return named.length > 0 ? named : keyParts(key.split('.'), baseline);
}

/** Describes a trick, and whether a command can have it. */
function commandTrickParts(trick: Trick<TrickName>, baseline: CommandBaseline, runs: RunIndex): string[] {
  const fit = commandTricks(baseline).find((each) => each.trick === trick);
  const state = !fit
    ? l10n.t('The command cannot have it, or already has it.')
    : fit.isIn
      ? l10n.t('The experiment uses it. The study compares this with the experiment without it.')
      : l10n.t('The experiment does not use it. The study compares this with the experiment with it.');
  return [...trickParts(trick, undefined, runs, []), state];
}

/** Describes a name that a command's experiment gives: its arguments, or its value. */
function commandNameParts(key: string, baseline: CommandBaseline): string[] {
  const { arguments: given, values } = baseline.experiment;
  const [words, value] = [given[key], values[key]];
  const title = `**${markdownText(key)}**`;
  if (words && switchesOf(baseline).includes(key)) {
    const text = (each: readonly string[]) =>
      each.length === 0 ? l10n.t('nothing') : markdownCode(each.join(' '));
    return [
      title,
      l10n.t('The command gets {0} with it, and {1} without it.', text(words.with), text(words.without)),
    ];
  }
  if (value === undefined) return [];
  return [title, l10n.t('Value in the experiment: {0}.', markdownCode(value))];
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
  const holder = baseline && isCommandBaseline(baseline) ? value : baseline?.experiment;
  const now = baseline ? (valueAt(holder, path) ?? field.default) : undefined;
  return [
    `**${markdownText(path.join('.'))}**`,
    ...(field.description === undefined ? [] : [field.description]),
    ...(now === undefined
      ? []
      : [l10n.t('Value in the experiment: {0}.', markdownCode(JSON.stringify(now)))]),
  ];
}
