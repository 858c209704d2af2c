import * as l10n from '@vscode/l10n';
import type { ParseResult } from '../experiment/parse';
import type { Range } from '../experiment/problem';
import { type Field, fieldAt } from '../experiment/schemaTree';
import { markdownCode, markdownText } from '../shared/markdown';
import type { Path } from '../shared/path';
import type { RunIndex } from '../study/effect';
import { ALL_TRICKS, type TrickName, trickCalled } from '../tricks/registry';
import type { Trick } from '../tricks/trick';
import { derivedNumbers, resolvedValue } from './derived';
import type { ForeignFits } from './foreignFits';
import { measuredOf } from './lenses';
import { measuredHere, type StudyEvidence } from './measuredHere';
import { type SlowFormat, slowFormatOf } from './slowFormats';
import { type TrickFit, trickFits } from './trickFit';
import { factsOf, measuredText, signed } from './trickText';

/** What a hover says, in Markdown; what a file or a run holds is in it as text. */
export interface ExperimentHover {
  readonly range: Range;
  readonly parts: readonly string[];
  /** The trick that it is about, if it is about one, and whether it has options to configure here. */
  readonly trick: { readonly name: TrickName; readonly canBeConfigured: boolean } | null;
}

/**
 * What there is to say of the key or value at an offset of a file: what it means, what may be written, what it
 * comes to here; for a trick its formula and figures. `hasSchemaHelp` where the editor shows the schema's own words.
 */
export function hoverAt(
  parsed: ParseResult,
  offset: number,
  runs: RunIndex,
  hasSchemaHelp: boolean,
  slowFormats: readonly SlowFormat[] = [],
  studies: readonly StudyEvidence[] = [],
): ExperimentHover | null {
  const place = parsed.document.placeAt(offset);
  if (!place) return null;
  const { path, range } = place;
  const trick = trickAt(path);
  const fit = trickFits(parsed).find((each) => each.trick === trick);
  const parts =
    trick && path.length === 2
      ? trickParts(trick, fit, runs, slowFormats, studies)
      : trick
        ? fieldParts(parsed, [path[0]!, trick.name, ...path.slice(2)], path, hasSchemaHelp)
        : fieldParts(parsed, path, path, hasSchemaHelp);
  if (parts.length === 0) return null;
  return { range, parts, trick: trick ? hovered(trick, fit) : null };
}

/** What there is to say of the setting at an offset of another system's file: of the tricks it is a word of. */
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
    // Several have no one difference to show.
    trick: others.length === 0 ? hovered(first.trick, first) : null,
  };
}

function hovered(trick: Trick<TrickName>, fit: TrickFit | undefined): NonNullable<ExperimentHover['trick']> {
  return { name: trick.name, canBeConfigured: (fit?.options().length ?? 0) > 0 };
}

function trickAt([section, key]: Path): Trick<TrickName> | undefined {
  return section === 'tricks' && typeof key === 'string' ? trickCalled(key)?.trick : undefined;
}

/** A trick in full: what it does, its formula, its source's figures, what it comes to here. */
export function trickParts(
  trick: Trick<TrickName>,
  fit: TrickFit | undefined,
  runs: RunIndex,
  slowFormats: readonly SlowFormat[],
  studies: readonly StudyEvidence[] = [],
): string[] {
  const slow = fit ? slowFormatOf(fit, slowFormats) : null;
  const here = fit ? factsOf(fit) : [];
  const measured = fit ? measuredHere(fit, measuredOf(fit, runs), studies) : null;
  const otherNames = trick.aliases.map(({ name, system }) => `\`${name}\` (${system})`);
  return [
    `**${trick.title()}**`,
    trick.summary(),
    // What is about this file stands where a hover shows it without being scrolled.
    ...(here.length > 0 ? [l10n.t('Here: {0}.', markdownText(here.join('; ')))] : []),
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

/** The source's rows as a Markdown table, losses marked by their sign. */
function evidenceTable({ evidence, source }: Trick): string {
  if (evidence.length === 0) return l10n.t('{0} has no figure for it alone.', source);
  // VS Code puts no space between columns.
  const gap = '&nbsp;&nbsp;&nbsp;';
  const figures = [l10n.t('without'), l10n.t('with'), l10n.t('difference')].map((title) => gap + title);
  const hasTop5 = evidence.some(({ top5 }) => top5 !== undefined);
  const head = [hasTop5 ? l10n.t('Top-1 / top-5 accuracy') : l10n.t('Top-1 accuracy'), ...figures];
  const both = (top1: string, top5: string | undefined) => (top5 === undefined ? top1 : `${top1} / ${top5}`);
  const rows = evidence.map(({ setting, without, with: withIt, top5 }) => [
    setting,
    both(without.toFixed(2), top5?.without.toFixed(2)),
    both(withIt.toFixed(2), top5?.with.toFixed(2)),
    both(signed(withIt - without), top5 && signed(top5.with - top5.without)),
  ]);
  return [head, ['---', '--:', '--:', '--:'], ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function fieldParts(parsed: ParseResult, path: Path, writtenPath: Path, hasSchemaHelp: boolean): string[] {
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
  const standing = path.length === 1 && path[0] === 'tricks' ? [tricksHere(parsed)] : [];
  return [...help, ...(here ? [l10n.t('Here: {0}.', here)] : []), ...standing];
}

/** The values of a field, or where others may be written, some examples. */
function valuesText({ values, isOpen }: Field): string {
  const shown = [...values.keys()].map((each) => markdownCode(String(each)));
  return isOpen
    ? l10n.t('Such as {0}.', shown.slice(0, EXAMPLES_SHOWN).join(', '))
    : l10n.t('One of {0}.', shown.join(', '));
}

const EXAMPLES_SHOWN = 6;

function tricksHere(parsed: ParseResult): string {
  const inFile = trickFits(parsed).filter(({ isIn }) => isIn);
  return l10n.t('{0} of {1} tricks are in.', inFile.length, ALL_TRICKS.length);
}
