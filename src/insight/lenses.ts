import * as l10n from '@vscode/l10n';
import type { ParseResult } from '../experiment/parse';
import type { Problem, Range } from '../experiment/problem';
import { assertNever } from '../shared/assertNever';
import { type MeasuredEffect, measuredEffect, type RunIndex } from '../study/effect';
import type { TrickName } from '../tricks/registry';
import type { ForeignFits } from './foreignFits';
import { measuredHere, type StudyEvidence } from './measuredHere';
import { type SlowFormat, slowFormatOf } from './slowFormats';
import { type TrickFit, trickFits } from './trickFit';
import {
  configureTitle,
  evidenceText,
  factsOf,
  inTitle,
  optionsText,
  titleInSentence,
  trickIcon,
} from './trickText';

/** What a click on a lens does. */
export type LensAction =
  | { readonly type: 'run' | 'showRecipe' | 'manageTrust' | 'save' }
  | { readonly type: 'indexData' | 'showData' | 'showSamples' }
  | { readonly type: 'proposeStudy' | 'runStudy' | 'findRate' }
  | { readonly type: 'openRun'; readonly folder: string }
  | { readonly type: 'showProblem'; readonly range: Range }
  | { readonly type: 'insertTrick' | 'removeTrick' | 'compareTrick'; readonly trick: TrickName }
  | { readonly type: 'configureTrick'; readonly tricks: readonly TrickName[] }
  /** `configurable` are those that can be given other options there, too. */
  | {
      readonly type: 'pickTrick';
      readonly tricks: readonly TrickName[];
      readonly configurable: readonly TrickName[];
    };

/** What stands above a line. */
export interface LensFace {
  /** A codicon's name. */
  readonly icon: string;
  readonly title: string;
  readonly tooltip: string;
  readonly action: LensAction;
}

export interface ExperimentLens {
  /** The line it stands above, from 0. */
  readonly line: number;
  /** Worked out when it is seen. */
  face(): LensFace;
}

/** What lenses depend on beside the text. */
export interface LensSurroundings {
  /** Why nothing can be run, whatever the file says. */
  readonly obstacle: 'untrusted' | 'no_disk' | null;
  /** The file's last run, with its result or how else it ended. */
  readonly lastRun: { readonly id: string; readonly folder: string; readonly how: string } | null;
  readonly runs: RunIndex;
  /** The studies here that are done, newest first. */
  readonly studies?: readonly StudyEvidence[];
  /** The half formats that are slower than float32 here, as far as they are known. */
  readonly slowFormats?: readonly SlowFormat[];
  /** Whose lenses a person has switched off. */
  readonly hidden: ReadonlySet<TrickName>;
}

/**
 * The shares of an editor's width that lenses take: a line has room for two tricks and something short, so never for
 * more than three lenses. The rest stands behind the last one.
 */
const ROOM = { line: 10, trick: 4, named: 3, short: 2 } as const;

/**
 * The lenses of an experiment file: at its top those that run it or say why it cannot run, open its last run, show its
 * recipe and plan a study of it; then those of tricks at the lines that they concern.
 */
export function experimentLenses(parsed: ParseResult, surroundings: LensSurroundings): ExperimentLens[] {
  const { lastRun } = surroundings;
  const placeOf = ({ trick }: TrickFit) => parsed.document.rangeOf(trick.anchor, 'key');
  return [
    atTop(topFace(parsed, surroundings)),
    ...(lastRun ? [atTop(lastRunLens(lastRun))] : []),
    ...(parsed.ok ? [atTop(recipeLens())] : []),
    ...(parsed.ok && surroundings.obstacle !== 'no_disk' ? [atTop(studyLens())] : []),
    ...trickLenses(trickFits(parsed), placeOf, surroundings, [
      ...dataLenses(parsed, surroundings),
      ...rateLenses(parsed, surroundings),
    ]),
  ];
}

function topFace(parsed: ParseResult, surroundings: LensSurroundings): LensFace {
  if (parsed.ok || parsed.unindexed) return runLens(surroundings, parsed.ok);
  return problemsLens(parsed.problems);
}

/** Those of a person's own images: they are to be indexed, or what is known of them can be seen. */
function dataLenses(parsed: ParseResult, { obstacle }: LensSurroundings): ExperimentLens[] {
  if (obstacle !== null) return [];
  const { line } = parsed.document.rangeOf(['data'], 'key').start;
  const lens = (face: LensFace): ExperimentLens => ({ line, face: () => face });
  if (!parsed.ok) return parsed.unindexed ? [lens(indexLens())] : [];
  return parsed.experiment.facts ? [lens(dataLens()), lens(samplesLens())] : [];
}

/** That of the base learning rate, which a range test finds. */
function rateLenses(parsed: ParseResult, { obstacle }: LensSurroundings): ExperimentLens[] {
  if (!parsed.ok || obstacle !== null) return [];
  const { line } = parsed.document.rangeOf(['optimizer', 'base_lr'], 'key').start;
  return [{ line, face: rangeTestLens }];
}

/** The lenses of another system's file: those of the tricks that the system has. */
export function foreignLenses(
  { fits, placeOf }: ForeignFits,
  surroundings: LensSurroundings,
): ExperimentLens[] {
  return trickLenses(fits, placeOf, surroundings);
}

function trickLenses(
  fits: readonly TrickFit[],
  placeOf: (fit: TrickFit) => Range,
  { hidden, ...evidence }: LensSurroundings,
  others: readonly ExperimentLens[] = [],
): ExperimentLens[] {
  const byLine = new Map<number, TrickFit[]>();
  for (const fit of fits) {
    if (hidden.has(fit.trick.name)) continue;
    const { line } = placeOf(fit).start;
    byLine.set(line, [...(byLine.get(line) ?? []), fit]);
  }
  const lines = [...new Set([...byLine.keys(), ...others.map(({ line }) => line)])].sort((a, b) => a - b);
  return lines.flatMap((line) => {
    const before = others.filter((each) => each.line === line);
    const room = ROOM.line - before.length * ROOM.short;
    return [...before, ...lensesOfLine(line, byLine.get(line) ?? [], evidence, room)];
  });
}

/** What runs have shown of a trick in this very experiment. */
export function measuredOf(fit: TrickFit, runs: RunIndex): MeasuredEffect | null {
  if (runs.size === 0) return null;
  const recipes = fit.recipes();
  return recipes && measuredEffect(runs, recipes.without, recipes.with);
}

export function atTop(face: LensFace): ExperimentLens {
  return { line: 0, face: () => face };
}

/** What could stand above a line: a trick, or what configures those that are in. */
type Candidate =
  | { readonly type: 'trick'; readonly fit: TrickFit }
  | { readonly type: 'configure'; readonly fits: readonly TrickFit[] };

/** Tricks that are in come first, then what configures them, then those that could be in, in the registry's order. */
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
  const shown = fittingIn(candidates, room)
    ? candidates.length
    : candidates.findLastIndex((_, index) => fittingIn(candidates.slice(0, index), room - ROOM.short));
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
        title: l10n.t('Cannot run: the file is on no disk'),
        tooltip: l10n.t('A trainer can read files of a disk only. Save a copy in a folder to run it.'),
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
    tooltip: l10n.t('Open the dashboard of {0}', id),
    action: { type: 'openRun', folder },
  };
}

function recipeLens(): LensFace {
  return {
    icon: 'list-tree',
    title: l10n.t('Recipe'),
    tooltip: l10n.t('Show the resolved recipe: every number of this training.'),
    action: { type: 'showRecipe' },
  };
}

function studyLens(): LensFace {
  return {
    icon: 'beaker',
    title: l10n.t('Find out which tricks pay here'),
    tooltip: l10n.t(
      'Plan a study: choose tricks and a budget, and get for each trick an effect, an interval and a verdict.',
    ),
    action: { type: 'proposeStudy' },
  };
}

function indexLens(): LensFace {
  return {
    icon: 'database',
    title: l10n.t('Index the data'),
    tooltip: l10n.t(
      'Look at every image once: count them, find their sizes, mean and std, and those that are damaged or doubled. Until then, numbers that depend on the images are not shown.',
    ),
    action: { type: 'indexData' },
  };
}

function dataLens(): LensFace {
  return {
    icon: 'database',
    title: l10n.t('Data'),
    tooltip: l10n.t('Show what the index knows of the images.'),
    action: { type: 'showData' },
  };
}

function samplesLens(): LensFace {
  return {
    icon: 'file-media',
    title: l10n.t('Augmented samples'),
    tooltip: l10n.t('Show training images beside what the network sees of them.'),
    action: { type: 'showSamples' },
  };
}

function rangeTestLens(): LensFace {
  return {
    icon: 'telescope',
    title: l10n.t('Range test'),
    tooltip: l10n.t(
      'Train some steps with a rising learning rate until the loss explodes, and suggest a base_lr (Smith 2017).',
    ),
    action: { type: 'findRate' },
  };
}

/** What was seen on this machine. */
type Evidence = Pick<LensSurroundings, 'runs' | 'studies' | 'slowFormats'>;

function trickFace(fit: TrickFit, { runs, studies = [], slowFormats = [] }: Evidence): LensFace {
  const { trick, isIn } = fit;
  const obstacle = fit.obstacle();
  const measured = measuredHere(fit, measuredOf(fit, runs), studies);
  const slow = slowFormatOf(fit, slowFormats);
  const facts = [
    ...factsOf(fit),
    slow?.fact ?? null,
    measured.isMeasured ? measured.text : null,
    inTitle(obstacle),
  ].filter((fact) => fact !== null);
  const title = trick.title();
  const canEdit = obstacle === null;
  return {
    icon: trickIcon(fit),
    title: isIn && canEdit ? removalTitle(title, facts) : insertionTitle(title, facts),
    tooltip: [
      trick.summary(),
      trick.formula,
      ...(slow ? [slow.text] : []),
      evidenceText(trick),
      l10n.t('On this experiment: {0}', [measured.text, measured.note].filter(Boolean).join('; ')),
    ].join('\n\n'),
    // Where the file cannot be edited there is still something to see.
    action: { type: canEdit ? (isIn ? 'removeTrick' : 'insertTrick') : 'compareTrick', trick: trick.name },
  };
}

function fittingIn(candidates: readonly Candidate[], room: number): boolean {
  return candidates.reduce((sum, candidate) => sum + roomOf(candidate), 0) <= room;
}

/** What configures several tricks does not name them. */
function roomOf(candidate: Candidate): number {
  if (candidate.type === 'trick') return ROOM.trick;
  return candidate.fits.length > 1 ? ROOM.short : ROOM.named;
}

function configureFace(fits: readonly TrickFit[]): LensFace {
  const [first, ...others] = fits;
  if (!first) throw new Error('There is a trick to configure.');
  return {
    icon: 'gear',
    title: others.length === 0 ? configureTitle(first) : l10n.t('Configure...'),
    tooltip: fits.map(optionsText).join('\n'),
    action: { type: 'configureTrick', tricks: fits.map(({ trick }) => trick.name) },
  };
}

function moreFace(candidates: readonly Candidate[]): LensFace {
  const tricks = candidates.flatMap((each) => (each.type === 'trick' ? [each.fit] : []));
  const configurable = candidates.flatMap((each) => (each.type === 'configure' ? each.fits : []));
  return {
    icon: 'ellipsis',
    title: l10n.t('More tricks...'),
    tooltip: [...configurable.map(configureTitle), ...tricks.map(({ trick }) => trick.title())].join('\n'),
    action: {
      type: 'pickTrick',
      tricks: tricks.map(({ trick }) => trick.name),
      configurable: configurable.map(({ trick }) => trick.name),
    },
  };
}

function insertionTitle(title: string, facts: readonly string[]): string {
  return facts.length === 0 ? title : l10n.t('{0}: {1}', title, facts.join(' · '));
}

function removalTitle(title: string, facts: readonly string[]): string {
  const name = titleInSentence(title);
  return facts.length === 0
    ? l10n.t('Remove {0}', name)
    : l10n.t('Remove {0} ({1})', name, facts.join(' · '));
}
