import * as l10n from '@vscode/l10n';
import { lacksIndex, type ParseResult } from '../experiment/parse';
import type { Problem, Range } from '../experiment/problem';
import type { ExperimentDocument } from '../experiment/text/document';
import type { CommandParseResult } from '../interop/command/parse';
import { assertNever } from '../shared/assertNever';
import type { Path } from '../shared/path';
import { valueAt } from '../shared/values';
import type { RunIndex } from '../study/effect';
import type { TrickName } from '../tricks/registry';
import type { ForeignFits } from './foreignFits';
import { measurementsOf, type StudyEvidence } from './measuredHere';
import { type SlowFormat, slowFormatOf } from './slowFormats';
import type { CommandFits } from './systems/commandFits';
import { type TrickFit, trickFits } from './trickFit';
import {
  configureTitle,
  evidenceText,
  factsOf,
  nameWithSetting,
  optionsText,
  titleInSentence,
  trickIcon,
} from './trickText';

/** The action of a click on a lens. */
export type LensAction =
  | { readonly type: 'run' | 'showRecipe' | 'manageTrust' | 'save' }
  | { readonly type: 'indexData' | 'showData' | 'showSamples' }
  | { readonly type: 'proposeStudy' | 'runStudy' | 'findRate' | 'runHere' }
  | { readonly type: 'openRun'; readonly folder: string }
  | { readonly type: 'showProblem'; readonly range: Range }
  | { readonly type: 'insertTrick' | 'removeTrick' | 'compareTrick'; readonly trick: TrickName }
  | { readonly type: 'configureTrick'; readonly tricks: readonly TrickName[] }
  /** `configurable` lists the tricks whose options can be changed there, too. */
  | {
      readonly type: 'pickTrick';
      readonly tricks: readonly TrickName[];
      readonly configurable: readonly TrickName[];
    };

/** What a lens shows above a line. */
export interface LensFace {
  /** Name of a codicon. */
  readonly icon: string;
  readonly title: string;
  readonly tooltip: string;
  readonly action: LensAction;
}

export interface ExperimentLens {
  /** The line below the lens, 0-based. */
  readonly line: number;
  /** Computed when the lens becomes visible. */
  face(): LensFace;
}

/** Inputs of lenses besides the text. */
export interface LensSurroundings {
  /** Why nothing can be run, whatever the file contains. */
  readonly obstacle: 'untrusted' | 'no_disk' | null;
  /** The file's last run, with its result or how it ended. */
  readonly lastRun: { readonly id: string; readonly folder: string; readonly how: string } | null;
  readonly runs: RunIndex;
  /** The finished studies here, newest first. */
  readonly studies?: readonly StudyEvidence[];
  /** The half formats that are slower than float32 here, if known. */
  readonly slowFormats?: readonly SlowFormat[];
  /** The tricks whose lenses a person has turned off. */
  readonly hidden: ReadonlySet<TrickName>;
}

/**
 * Characters of a lens row that an editor of usual width shows next to its minimap, with room for an effect or two. The
 * last lens opens what does not fit.
 */
const ROW = 90;
/** Characters that a lens takes besides its title: its icon and the separator. */
const BESIDE_TITLE = 5;

/**
 * Returns the lenses of an experiment file. At the top: lenses that run it or say why it cannot run, open its last run,
 * show its recipe and plan a study of it. Then the trick lenses, at the lines they affect.
 */
export function experimentLenses(parsed: ParseResult, surroundings: LensSurroundings): ExperimentLens[] {
  const { lastRun } = surroundings;
  return trickLenses(trickFits(parsed), ({ trick }) => lineOfSection(parsed, trick.anchor), surroundings, [
    atTop(topFace(parsed, surroundings)),
    ...(lastRun ? [atTop(lastRunLens(lastRun))] : []),
    ...(parsed.ok ? [atTop(recipeLens())] : []),
    ...(parsed.ok && surroundings.obstacle !== 'no_disk' ? [atTop(studyLens())] : []),
    ...dataLenses(parsed, surroundings),
    ...rateLenses(parsed, surroundings),
  ]);
}

/**
 * Returns the lenses of an experiment that a command trains. Tricks that the command has without the file's tricks are
 * above `command`, all others above `tricks`, or else above `trainer`.
 */
export function commandLenses(
  parsed: CommandParseResult,
  { fits }: Pick<CommandFits, 'fits'>,
  surroundings: LensSurroundings,
): ExperimentLens[] {
  const { lastRun } = surroundings;
  const { document } = parsed;
  const line = lineOf(document, ['tricks']) ?? lineOf(document, ['trainer']) ?? 0;
  const lineOfCommand = lineOf(document, ['trainer', 'command']) ?? line;
  return trickLenses(fits, ({ isInCommand }) => (isInCommand ? lineOfCommand : line), surroundings, [
    atTop(parsed.ok ? runLens(surroundings, true) : problemsLens(parsed.problems)),
    ...(lastRun ? [atTop(lastRunLens(lastRun))] : []),
    ...(parsed.ok ? [atTop(recipeLens())] : []),
    ...(parsed.ok && surroundings.obstacle !== 'no_disk' ? [atTop(studyLens())] : []),
  ]);
}

/** Returns the line of a path's section, or that of the model if the file has no such section. */
function lineOfSection({ document }: ParseResult, [section = '']: Path): number {
  return lineOf(document, [section]) ?? lineOf(document, ['model']) ?? 0;
}

function lineOf(document: ExperimentDocument, path: Path): number | undefined {
  return valueAt(document.value, path) === undefined ? undefined : document.rangeOf(path, 'key').start.line;
}

function topFace(parsed: ParseResult, surroundings: LensSurroundings): LensFace {
  if (parsed.ok || lacksIndex(parsed)) return runLens(surroundings, parsed.ok);
  return problemsLens(parsed.problems);
}

/** Returns the lenses for a person's own images: to index them, or to see the index. */
function dataLenses(parsed: ParseResult, { obstacle }: LensSurroundings): ExperimentLens[] {
  if (obstacle !== null) return [];
  const line = lineOfSection(parsed, ['data']);
  const lens = (face: LensFace): ExperimentLens => ({ line, face: () => face });
  if (!parsed.ok) return parsed.unindexed ? [lens(indexLens())] : [];
  return parsed.experiment.facts ? [lens(dataLens()), lens(samplesLens())] : [];
}

/** Returns the optimizer's lens: a range test finds the base learning rate. */
function rateLenses(parsed: ParseResult, { obstacle }: LensSurroundings): ExperimentLens[] {
  if (!parsed.ok || obstacle !== null) return [];
  return [{ line: lineOfSection(parsed, ['optimizer']), face: rangeTestLens }];
}

/** Returns the lenses of another system's file: its name, and the tricks that the system has. */
export function foreignLenses(
  { system, fits, placeOf, start, unread }: ForeignFits,
  surroundings: LensSurroundings,
): ExperimentLens[] {
  if (unread !== null) return [{ line: start.start.line, face: () => unreadFace(system, unread, start) }];
  return trickLenses(fits, (fit) => placeOf(fit).start.line, surroundings, [
    { line: start.start.line, face: () => systemFace(system, fits) },
    { line: start.start.line, face: () => runHereFace(surroundings) },
    ...(surroundings.obstacle === 'no_disk' ? [] : [{ line: start.start.line, face: studyLens }]),
  ]);
}

function unreadFace(system: string, why: string, range: Range): LensFace {
  return {
    icon: 'question',
    title: l10n.t('Not read as {0}: {1}', system, why.replace(/\.$/, '')),
    tooltip: l10n.t('This file is for {0}. {1} Nothing in it is shown or edited.', system, why),
    action: { type: 'showProblem', range },
  };
}

function systemFace(system: string, fits: readonly TrickFit[]): LensFace {
  return {
    icon: 'file-code',
    title: l10n.t('Read as {0}', system),
    tooltip: l10n.t(
      "These lenses read and write {0}'s own settings. Anything the file does not specify is shown as unknown.",
      system,
    ),
    action: { type: 'pickTrick', tricks: fits.map(({ trick }) => trick.name), configurable: [] },
  };
}

function runHereFace(surroundings: LensSurroundings): LensFace {
  if (surroundings.obstacle !== null) return runLens(surroundings, true);
  return {
    icon: 'play',
    title: l10n.t('Run here'),
    tooltip: l10n.t('Write an experiment beside this file that runs its command, and run it.'),
    action: { type: 'runHere' },
  };
}

function trickLenses(
  fits: readonly TrickFit[],
  lineOf: (fit: TrickFit) => number,
  { hidden, ...evidence }: LensSurroundings,
  others: readonly ExperimentLens[] = [],
): ExperimentLens[] {
  const byLine = new Map<number, TrickFit[]>();
  for (const fit of fits) {
    if (hidden.has(fit.trick.name)) continue;
    const line = lineOf(fit);
    byLine.set(line, [...(byLine.get(line) ?? []), fit]);
  }
  const lines = [...new Set([...byLine.keys(), ...others.map(({ line }) => line)])].sort((a, b) => a - b);
  return lines.flatMap((line) => {
    const before = others.filter((each) => each.line === line);
    const taken = before.reduce((sum, lens) => sum + widthOf(lens.face().title), 0);
    return [...before, ...lensesOfLine(line, byLine.get(line) ?? [], evidence, ROW - taken)];
  });
}

/** Returns the width of a lens in characters. */
function widthOf(title: string): number {
  return title.length + BESIDE_TITLE;
}

export function atTop(face: LensFace): ExperimentLens {
  return { line: 0, face: () => face };
}

/** A candidate for a lens above a line: a trick, or the lens that configures tricks in the file. */
type Candidate =
  | { readonly type: 'trick'; readonly fit: TrickFit }
  | { readonly type: 'configure'; readonly fits: readonly TrickFit[] };

/**
 * Returns the lenses of a line: tricks in the file first, then the lens that configures them, then tricks that fit, in
 * the registry's order.
 */
function lensesOfLine(
  line: number,
  fits: readonly TrickFit[],
  evidence: Evidence,
  room: number,
): ExperimentLens[] {
  const configurable = fits.filter((fit) => fit.options().length > 0);
  const candidates: Candidate[] = [
    ...fits.filter(({ isIn }) => isIn).map((fit) => ({ type: 'trick', fit }) as const),
    ...(configurable.length > 0 ? [{ type: 'configure', fits: configurable } as const] : []),
    ...fits.filter(({ isIn }) => !isIn).map((fit) => ({ type: 'trick', fit }) as const),
  ];
  const ends = candidates.map((_, index) =>
    candidates.slice(0, index + 1).reduce((sum, each) => sum + widthOfCandidate(each), 0),
  );
  const shown =
    (ends.at(-1) ?? 0) <= room
      ? candidates.length
      : ends.filter((end) => end <= room - widthOf(moreTitle())).length;
  const rest = candidates.slice(shown);
  return [
    ...candidates.slice(0, shown).map((candidate) => ({
      line,
      face: () =>
        candidate.type === 'trick' ? trickFace(candidate.fit, evidence) : configureFace(candidate.fits),
    })),
    ...(rest.length > 0 ? [{ line, face: () => moreFace(rest) }] : []),
  ];
}

function runLens({ obstacle }: LensSurroundings, isIndexed: boolean): LensFace {
  switch (obstacle) {
    case null:
      return {
        icon: 'play',
        title: l10n.t('Run'),
        tooltip: isIndexed
          ? l10n.t('Train this experiment and watch it in the dashboard.')
          : l10n.t('Index the images, then train this experiment and watch it in the dashboard.'),
        action: { type: 'run' },
      };
    case 'untrusted':
      return {
        icon: 'workspace-untrusted',
        title: l10n.t('Cannot run: the workspace is not trusted'),
        tooltip: l10n.t('Running an experiment starts a program, which needs a trusted workspace.'),
        action: { type: 'manageTrust' },
      };
    case 'no_disk':
      return {
        icon: 'circle-slash',
        title: l10n.t('Cannot run: not on the local disk'),
        tooltip: l10n.t('The trainer reads only files on the local disk. Save a copy in a folder to run it.'),
        action: { type: 'save' },
      };
    default:
      return assertNever(obstacle);
  }
}

export function problemsLens(problems: readonly Problem[]): LensFace {
  const [first, ...others] = problems;
  if (!first) throw new Error('A file that cannot run has a problem.');
  const what =
    others.length === 0
      ? l10n.t('Cannot run: 1 problem')
      : l10n.t('Cannot run: {0} problems', problems.length);
  return {
    icon: 'warning',
    title: what,
    tooltip: l10n.t('Show the first: {0}', first.what),
    action: { type: 'showProblem', range: first.range },
  };
}

function lastRunLens({ id, folder, how }: NonNullable<LensSurroundings['lastRun']>): LensFace {
  return {
    icon: 'graph-line',
    title: l10n.t('Open last run ({0})', how),
    tooltip: l10n.t('Open the dashboard for {0}', id),
    action: { type: 'openRun', folder },
  };
}

function recipeLens(): LensFace {
  return {
    icon: 'list-tree',
    title: l10n.t('Recipe'),
    tooltip: l10n.t('Show the resolved recipe, with every number of this training run.'),
    action: { type: 'showRecipe' },
  };
}

function studyLens(): LensFace {
  return {
    icon: 'beaker',
    title: l10n.t('Find out which tricks pay here'),
    tooltip: l10n.t(
      'Plan a study: choose tricks and a budget, and get an effect, an interval and a verdict for each trick.',
    ),
    action: { type: 'proposeStudy' },
  };
}

function indexLens(): LensFace {
  return {
    icon: 'database',
    title: l10n.t('Index the data'),
    tooltip: l10n.t(
      'Read every image once to count them, to find their sizes, mean and std, and to detect damaged images and copies. Until then, numbers that depend on the images are not shown.',
    ),
    action: { type: 'indexData' },
  };
}

function dataLens(): LensFace {
  return {
    icon: 'database',
    title: l10n.t('Data'),
    tooltip: l10n.t('Show what the index knows about the images.'),
    action: { type: 'showData' },
  };
}

function samplesLens(): LensFace {
  return {
    icon: 'file-media',
    title: l10n.t('Augmented samples'),
    tooltip: l10n.t('Show training images next to what the network sees.'),
    action: { type: 'showSamples' },
  };
}

function rangeTestLens(): LensFace {
  return {
    icon: 'telescope',
    title: l10n.t('Range test'),
    tooltip: l10n.t(
      'Train with a rising learning rate until the loss explodes, then suggest a base_lr (Smith 2017).',
    ),
    action: { type: 'findRate' },
  };
}

/** Results seen on this machine. */
type Evidence = Pick<LensSurroundings, 'runs' | 'studies' | 'slowFormats'>;

function trickFace(fit: TrickFit, { runs, studies = [], slowFormats = [] }: Evidence): LensFace {
  const { trick, isIn } = fit;
  if (fit.unknown !== null) return unknownFace(fit, fit.unknown);
  const obstacle = fit.obstacle();
  const measured = measurementsOf(fit, runs, studies);
  const slow = slowFormatOf(fit, slowFormats);
  const here = factsOf(fit);
  const isEditable = obstacle === null || fit.byOption !== undefined;
  const name = isEditable ? shortTitle(fit) : l10n.t('{0}: not editable here', trick.title());
  return {
    icon: trickIcon(fit),
    title: [name, measured.short, slow ? l10n.t('slower here') : ''].filter(Boolean).join(' · '),
    tooltip: [
      ...(obstacle === null ? [] : [obstacle]),
      l10n.t('On this experiment: {0}', [measured.text, measured.note].filter(Boolean).join('; ')),
      ...(here.length > 0 ? [l10n.t('Here: {0}.', here.join('; '))] : []),
      ...(slow ? [slow.text] : []),
      trick.summary(),
      trick.formula,
      evidenceText(trick),
    ].join('\n\n'),
    // If the file cannot be edited, the lens still shows a comparison.
    action: {
      type: obstacle === null ? (isIn ? 'removeTrick' : 'insertTrick') : 'compareTrick',
      trick: trick.name,
    },
  };
}

/** Returns the lens for a trick that another system's file leaves open. */
function unknownFace(fit: TrickFit, why: string): LensFace {
  const { trick } = fit;
  return {
    icon: 'question',
    title: shortTitle(fit),
    tooltip: [why, trick.summary(), trick.formula, evidenceText(trick)].join('\n\n'),
    action: { type: 'compareTrick', trick: trick.name },
  };
}

/** Returns a short title for the click on a trick's lens. The icon already says that it inserts the trick. */
function shortTitle(fit: TrickFit): string {
  if (fit.unknown !== null) return l10n.t('{0}: unknown here', fit.trick.title());
  if (fit.byOption !== undefined) return l10n.t('{0}: in the command', nameWithSetting(fit));
  return fit.isIn ? l10n.t('Remove {0}', titleInSentence(fit.trick.title())) : nameWithSetting(fit);
}

/** Ignores whether the file can be edited: that is slow to determine and hardly changes the width. */
function widthOfCandidate(candidate: Candidate): number {
  return widthOf(candidate.type === 'trick' ? shortTitle(candidate.fit) : titleToConfigure(candidate.fits));
}

/** The lens that configures several tricks does not name them. */
function titleToConfigure([first, ...others]: readonly TrickFit[]): string {
  return first && others.length === 0 ? configureTitle(first) : l10n.t('Configure...');
}

function moreTitle(): string {
  return l10n.t('More tricks...');
}

function configureFace(fits: readonly TrickFit[]): LensFace {
  return {
    icon: 'gear',
    title: titleToConfigure(fits),
    tooltip: fits.map(optionsText).join('\n'),
    action: { type: 'configureTrick', tricks: fits.map(({ trick }) => trick.name) },
  };
}

function moreFace(candidates: readonly Candidate[]): LensFace {
  const tricks = candidates.flatMap((each) => (each.type === 'trick' ? [each.fit] : []));
  const configurable = candidates.flatMap((each) => (each.type === 'configure' ? each.fits : []));
  return {
    icon: 'ellipsis',
    title: moreTitle(),
    tooltip: [...configurable.map(configureTitle), ...tricks.map(({ trick }) => trick.title())].join('\n'),
    action: {
      type: 'pickTrick',
      tricks: tricks.map(({ trick }) => trick.name),
      configurable: configurable.map(({ trick }) => trick.name),
    },
  };
}
