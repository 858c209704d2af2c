// Labels that distinguish the runs of one experiment.
import * as l10n from '@vscode/l10n';
import type { Manifest } from '../protocol/manifest';
import { formatAge, formatMoment } from '../shared/format';
import { type RunSettings, runSettings } from './runSettings';

/** The parts of a run that its label needs. */
export interface LabeledRun {
  readonly id: string;
  readonly folder: string;
  readonly manifest: Pick<Manifest, 'name' | 'createdAt' | 'experiment' | 'recipe'>;
}

/** The labels of a run. */
export interface RunLabel {
  /** For use below its experiment file: how it differs from the other runs there, such as '+ warmup · seed 2'. */
  readonly short: string;
  /** For use anywhere else: with its name, such as 'first-steps (+ warmup · seed 2)'. */
  readonly full: string;
}

/** About the length that a sidebar shows. A label always has at least one part, and a time if needed. */
const MOST_CHARACTERS = 50;
const MOST_OF_TRICKS = 34;
const MOST_OF_VALUE = 24;

/** Settings in order of importance. Tricks and their options come before them, all others after. */
const TELLING = [
  'seed',
  'model',
  'data',
  'data.batch_size',
  'optimizer',
  'optimizer.base_lr',
  'schedule.epochs',
];

/**
 * Labels runs by how they differ from the others of the same file and name. A single run keeps its name.
 *
 * Tricks come first: '+ warmup' if not all runs have it, or '− warmup' if most have it and this run does not. A run
 * without any trick has 'no tricks'. Then come trick options, seed, model, data, batch size, learning rate, epochs and
 * other settings, if the value is not the one that most runs have. Runs that agree in all of that are distinguished by
 * creation time.
 *
 * @param runs all runs of one or several stores
 * @returns labels by run folder
 */
export function runLabels(runs: readonly LabeledRun[], now: number): ReadonlyMap<string, RunLabel> {
  const labels = new Map<string, RunLabel>();
  for (const ofFile of groupedBy(runs, fileKey).values()) {
    const groups = [...groupedBy(ofFile, ({ manifest }) => manifest.name).values()];
    for (const group of groups) {
      const differences = differencesOf(group, now);
      for (const [index, { folder, manifest }] of group.entries()) {
        const difference = differences[index] ?? '';
        const full = difference === '' ? manifest.name : l10n.t('{0} ({1})', manifest.name, difference);
        labels.set(folder, { short: groups.length > 1 || difference === '' ? full : difference, full });
      }
    }
  }
  return labels;
}

/** Includes the store, because two stores may each have a file with the same path. */
function fileKey({ id, folder, manifest }: LabeledRun): string {
  return `${folder.slice(0, folder.length - id.length)} ${manifest.experiment.file}`;
}

function differencesOf(group: readonly LabeledRun[], now: number): string[] {
  if (group.length < 2) return group.map(() => '');
  const tricks = tricksTexts(group.map(({ manifest }) => manifest.recipe.tricks));
  const settings = settingsTexts(group.map(({ manifest }) => runSettings(manifest)));
  const texts = group.map((_, index) => shortened([tricks[index] ?? '', ...(settings[index] ?? [])]));
  return toldApart(group, texts, now);
}

/** Returns how each run's tricks differ from the others', '' if all are the same. */
function tricksTexts(sets: readonly (readonly string[])[]): string[] {
  const all = [...new Set(sets.flat())];
  const countOf = (trick: string) => sets.filter((set) => set.includes(trick)).length;
  const varying = all.filter((trick) => countOf(trick) < sets.length);
  const usual = varying.filter((trick) => 2 * countOf(trick) > sets.length);
  return sets.map((set) => {
    if (varying.length === 0) return '';
    if (set.length === 0) return l10n.t('no tricks');
    const more = varying.filter((trick) => set.includes(trick));
    const less = usual.filter((trick) => !set.includes(trick));
    const unusual = more.filter((trick) => !usual.includes(trick));
    if (less.length > 0)
      return [`− ${listed(less)}`, ...(unusual.length > 0 ? [`+ ${listed(unusual)}`] : [])].join(' ');
    return more.length > 0 ? `+ ${listed(more)}` : `− ${listed(varying)}`;
  });
}

/** Lists as many names as fit, such as 'warmup, mixup, 3 more'. */
function listed(names: readonly string[]): string {
  for (let count = names.length; count > 1; count--) {
    const text = names.slice(0, count).join(', ');
    const left = names.length - count;
    const whole = left === 0 ? text : l10n.t('{0}, {1} more', text, left);
    if (whole.length <= MOST_OF_TRICKS) return whole;
  }
  const [first = ''] = names;
  return names.length > 1 ? l10n.t('{0}, {1} more', first, names.length - 1) : first;
}

/**
 * Returns the settings of each run that differ from most others, the most important first. If none differ, returns all
 * settings that vary.
 */
function settingsTexts(all: readonly RunSettings[]): string[][] {
  const keys = [...new Set(all.flatMap((settings) => [...settings.keys()]))];
  const varying = keys.filter((key) => varies(key, all)).sort((a, b) => rankOf(a) - rankOf(b));
  const usual = new Map(
    varying.map((key) => [key, usualValue(all.map((settings) => textOf(settings.get(key))))]),
  );
  const names = shownNames(varying);
  return all.map((settings) => {
    const present = varying.filter((key) => settings.has(key));
    const unusual = present.filter((key) => textOf(settings.get(key)) !== usual.get(key));
    const told = unusual.length > 0 ? unusual : present;
    return told.map((key) => `${names.get(key)} ${valueText(settings.get(key))}`);
  });
}

/**
 * Whether runs differ in a setting. A setting that only some runs have, because of their trick, model or optimizer, is
 * already implied by that one.
 */
function varies(key: string, all: readonly RunSettings[]): boolean {
  const having = all.filter((settings) => settings.has(key));
  if (new Set(having.map((settings) => textOf(settings.get(key)))).size > 1) return true;
  if (having.length === all.length || key.startsWith('tricks.')) return false;
  const parent = key.slice(0, Math.max(0, key.lastIndexOf('.')));
  return parent === '' || new Set(all.map((settings) => textOf(settings.get(parent)))).size === 1;
}

function rankOf(key: string): number {
  if (key.startsWith('tricks.')) return -1;
  const rank = TELLING.indexOf(key);
  return rank < 0 ? TELLING.length : rank;
}

/** Returns the value that more than half have, null if there is none. */
function usualValue(values: readonly string[]): string | null {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].find(([, count]) => 2 * count > values.length)?.[0] ?? null;
}

/** Returns the last word of each key, such as 'base_lr', or more words if two keys share it. */
function shownNames(keys: readonly string[]): ReadonlyMap<string, string> {
  const lastWords = keys.map((key) => key.split('.').at(-1) ?? key);
  return new Map(
    keys.map((key, index) => {
      const word = lastWords[index] ?? key;
      if (key === 'data') return [key, 'dataset'];
      if (key.startsWith('tricks.')) return [key, key.slice('tricks.'.length)];
      const isOnlyOne = lastWords.filter((other) => other === word).length === 1;
      return [key, isOnlyOne && !TELLING.includes(word) ? word : key];
    }),
  );
}

function textOf(value: unknown): string {
  return JSON.stringify(value) ?? '';
}

function valueText(value: unknown): string {
  const text = typeof value === 'string' ? value : textOf(value);
  if (text.length <= MOST_OF_VALUE) return text;
  // Paths differ at their end, and run ids at their start.
  const half = (MOST_OF_VALUE - 1) / 2;
  return `${text.slice(0, Math.ceil(half))}…${text.slice(-Math.floor(half))}`;
}

/** Joins as many parts as fit, with a mark if some are left out. */
function shortened(parts: readonly string[]): string {
  const told = parts.filter((part) => part !== '');
  let text = told[0] ?? '';
  for (const part of told.slice(1)) {
    const longer = `${text} · ${part}`;
    if (longer.length > MOST_CHARACTERS) return `${text} …`;
    text = longer;
  }
  return text;
}

/** Appends a time to texts that several runs share: the age, or the exact time if that is not enough. */
function toldApart(group: readonly LabeledRun[], texts: readonly string[], now: number): string[] {
  const result = [...texts];
  const times: readonly ((run: LabeledRun) => string)[] = [
    ({ manifest }) => agoText((now - manifest.createdAt) / 1000),
    ({ manifest }) => formatMoment(manifest.createdAt, 'minutes'),
    ({ manifest }) => formatMoment(manifest.createdAt, 'seconds'),
    ({ id }) => id,
  ];
  for (const alike of groupedBy([...group.keys()], (index) => texts[index] ?? '').values()) {
    if (alike.length < 2) continue;
    const runs = alike.flatMap((index) => group[index] ?? []);
    const time = times.find((each) => new Set(runs.map(each)).size === runs.length);
    for (const [place, index] of alike.entries()) {
      const run = runs[place];
      if (run && time) result[index] = [texts[index], time(run)].filter(Boolean).join(' · ');
    }
  }
  return result;
}

function agoText(seconds: number): string {
  return seconds < 60 ? l10n.t('just now') : l10n.t('{0} ago', formatAge(seconds));
}

function groupedBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
