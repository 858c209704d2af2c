import * as l10n from '@vscode/l10n';
import type { ParseResult } from '../experiment/parse';
import type { Range } from '../experiment/problem';
import { type Field, fieldAt } from '../experiment/schemaTree';
import { formatFixed } from '../shared/format';
import { markdownCode, markdownText } from '../shared/markdown';
import type { Path } from '../shared/path';
import type { RunIndex } from '../study/effect';
import { ALL_TRICKS, type TrickName, trickCalled } from '../tricks/registry';
import type { Trick } from '../tricks/trick';
import { derivedNumbers, resolvedValue } from './derived';
import type { ForeignFits } from './foreignFits';
import { measurementsOf, type StudyEvidence } from './measuredHere';
import { type SlowFormat, slowFormatOf } from './slowFormats';
import { addedArguments, type CommandFits } from './systems/commandFits';
import { type TrickFit, trickFits } from './trickFit';
import { factsOf, measuredText, signed } from './trickText';

/** A hover's text in Markdown. Content from files and runs is escaped as plain text. */
export interface ExperimentHover {
  readonly range: Range;
  readonly parts: readonly string[];
  /** The trick that it is about, if any, and whether its options can be configured here. */
  readonly trick: { readonly name: TrickName; readonly canBeConfigured: boolean } | null;
}

/**
 * Returns the hover for the key or value at an offset of a file: its meaning, the allowed values, and its effect here.
 * A trick also has its formula and the source's figures. `hasSchemaHelp` is true if the editor shows the schema's
 * descriptions itself. `command` is what is known of the tricks if a command trains the experiment.
 */
export function hoverAt(
  parsed: ParseResult,
  offset: number,
  runs: RunIndex,
  hasSchemaHelp: boolean,
  slowFormats: readonly SlowFormat[] = [],
  studies: readonly StudyEvidence[] = [],
  command: CommandFits | null = null,
): ExperimentHover | null {
  const place = parsed.document.placeAt(offset);
  if (!place) return null;
  const { path, range } = place;
  const trick = trickAt(path);
  const fit = (command?.fits ?? trickFits(parsed)).find((each) => each.trick === trick);
  const parts =
    trick && path.length === 2
      ? trickParts(trick, fit, runs, slowFormats, studies, command ? commandParts(command, trick.name) : [])
      : trick
        ? fieldParts(parsed, [path[0]!, trick.name, ...path.slice(2)], path, hasSchemaHelp, command)
        : fieldParts(parsed, path, path, hasSchemaHelp, command);
  if (parts.length === 0) return null;
  return { range, parts, trick: trick ? hovered(trick, fit) : null };
}

/** Returns the hover for the setting at an offset of another system's file, about the tricks it belongs to. */
export function foreignHoverAt(
  foreign: ForeignFits,
  offset: number,
  runs: RunIndex,
  slowFormats: readonly SlowFormat[] = [],
  studies: readonly StudyEvidence[] = [],
): ExperimentHover | null {
  const place = foreign.fitsAt(offset);
  const [first, ...others] = place?.fits ?? [];
  if (!place || !first) return null;
  return {
    range: place.range,
    parts: place.fits.flatMap((fit, index) => [
      ...(index === 0 ? [] : ['---']),
      ...trickParts(fit.trick, fit, runs, slowFormats, studies),
    ]),
    // With several tricks, there is no single difference to show.
    trick: others.length === 0 ? hovered(first.trick, first) : null,
  };
}

function hovered(trick: Trick<TrickName>, fit: TrickFit | undefined): NonNullable<ExperimentHover['trick']> {
  return { name: trick.name, canBeConfigured: (fit?.options().length ?? 0) > 0 };
}

function trickAt([section, key]: Path): Trick<TrickName> | undefined {
  return section === 'tricks' && typeof key === 'string' ? trickCalled(key)?.trick : undefined;
}

/** Describes a trick in full: its effect, formula, the source's figures, and its values here. */
export function trickParts(
  trick: Trick<TrickName>,
  fit: TrickFit | undefined,
  runs: RunIndex,
  slowFormats: readonly SlowFormat[],
  studies: readonly StudyEvidence[] = [],
  inCommand: readonly string[] = [],
): string[] {
  const slow = fit ? slowFormatOf(fit, slowFormats) : null;
  const here = fit ? factsOf(fit) : [];
  const measured = fit ? measurementsOf(fit, runs, studies) : null;
  const otherNames = trick.aliases.map(({ name, system }) => `\`${name}\` (${system})`);
  return [
    `**${trick.title()}**`,
    trick.summary(),
    // The part about this file comes first, so that a hover shows it without scrolling.
    ...(here.length > 0 ? [l10n.t('Here: {0}.', markdownText(here.join('; ')))] : []),
    ...inCommand,
    ...(slow ? [markdownText(slow.text)] : []),
    l10n.t(
      'Measured here: {0}.',
      markdownText(measured ? [measured.text, measured.note].filter(Boolean).join('; ') : measuredText(null)),
    ),
    `\`${trick.formula}\``,
    evidenceTable(trick),
    ...(otherNames.length > 0 ? [l10n.t('Also called {0}.', otherNames.join(', '))] : []),
    `[${trick.source}](${trick.url})`,
  ];
}

/** Says what a trick becomes in a command, or why the command cannot have it. */
function commandParts(command: CommandFits, name: TrickName): string[] {
  const refusal = command.refusals.get(name);
  if (refusal !== undefined) return [markdownText(refusal)];
  const recipes = command.recipes(name);
  const words = recipes ? addedArguments(recipes) : '';
  return words === '' ? [] : [l10n.t('In the command: {0}.', markdownCode(words))];
}

/** Formats the source's rows as a Markdown table. Losses have a minus sign. */
function evidenceTable({ evidence, source }: Trick): string {
  if (evidence.length === 0) return l10n.t('{0} reports no figure for it alone', source);
  // VS Code renders no space between columns.
  const gap = '&nbsp;&nbsp;&nbsp;';
  const figures = [l10n.t('without'), l10n.t('with'), l10n.t('difference')].map((title) => gap + title);
  const hasTop5 = evidence.some(({ top5 }) => top5 !== undefined);
  const head = [hasTop5 ? l10n.t('Top-1 / top-5 accuracy') : l10n.t('Top-1 accuracy'), ...figures];
  const both = (top1: string, top5: string | undefined) => (top5 === undefined ? top1 : `${top1} / ${top5}`);
  const rows = evidence.map(({ setting, without, with: withIt, top5 }) => [
    setting,
    both(formatFixed(without, 2), top5 && formatFixed(top5.without, 2)),
    both(formatFixed(withIt, 2), top5 && formatFixed(top5.with, 2)),
    both(signed(withIt - without), top5 && signed(top5.with - top5.without)),
  ]);
  return [head, ['---', '--:', '--:', '--:'], ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function fieldParts(
  parsed: ParseResult,
  path: Path,
  writtenPath: Path,
  hasSchemaHelp: boolean,
  command: CommandFits | null,
): string[] {
  const field = fieldAt(path, parsed.document.value);
  if (!field) return [];
  const value = resolvedValue(parsed, path);
  const derived = derivedNumbers(parsed).find(({ path: at }) => at.join('.') === writtenPath.join('.'));
  const isPlain = value !== undefined && typeof value !== 'object';
  const help = hasSchemaHelp
    ? []
    : [
        `**${markdownText(path.join('.'))}**`,
        ...(field.description ? [field.description] : []),
        ...(field.values.size > 0 && !field.isMapping ? [valuesText(field)] : []),
        ...(field.default !== undefined && typeof field.default !== 'object'
          ? [l10n.t('Default: {0}.', markdownCode(String(field.default)))]
          : []),
      ];
  const here = [isPlain ? markdownCode(String(value)) : '', markdownText(derived?.text ?? '')]
    .filter(Boolean)
    .join(', ');
  const standing =
    path.length === 1 && path[0] === 'tricks' ? [tricksHere(command?.fits ?? trickFits(parsed))] : [];
  return [...help, ...(here ? [l10n.t('Here: {0}.', here)] : []), ...standing];
}

/** Lists a field's values, or some examples if it allows others. */
function valuesText({ values, isOpen }: Field): string {
  const shown = [...values.keys()].map((each) => markdownCode(String(each)));
  return isOpen
    ? l10n.t('For example, {0}.', shown.slice(0, EXAMPLES_SHOWN).join(', '))
    : l10n.t('One of {0}.', shown.join(', '));
}

const EXAMPLES_SHOWN = 6;

function tricksHere(fits: readonly TrickFit[]): string {
  const inFile = fits.filter(({ isIn }) => isIn);
  return l10n.t('{0} of {1} tricks are in use.', inFile.length, ALL_TRICKS.length);
}
