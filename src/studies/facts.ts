/** Facts about studies, from their folders and runs. */
import type { Estimate, StudyAnalysis, StudyMetric, StudySetting } from '../protocol/study';
import type {
  KnownStudy,
  MetricUnit,
  StudyConfirmation,
  StudyFacts,
  StudyRunFacts,
  StudyCost as StudyViewCost,
  StudyState as StudyViewState,
} from '../protocol/studyView';
import { runFolder } from '../runs/store';
import { placeNow, readRenames } from '../runs/upkeep/renames';
import { assertNever } from '../shared/assertNever';
import { isInPoints } from '../study/file/metrics';
import { failureOf, isSystemError } from '../system/errors';
import { analysisOf, TEST_ACCURACY } from './analyzing';
import { experimentsIn, readSource } from './planning';
import type { StudyCost, StudyRecord } from './record';
import { type SeenRun, SeenRuns } from './seenRuns';
import { brokenStudyFailure, isHeld, listStudies, type ReadableStudy, type StudyEntry } from './store';

/**
 * Returns the current facts of a study, for a single look. To follow a study, keep a `StudyReader`.
 *
 * @param root the folder with the store
 * @throws EMFILE or ENFILE if no more files can be opened
 */
export async function studyFacts(root: string, entry: StudyEntry): Promise<KnownStudy> {
  return new StudyReader(root).facts(entry, await listStudies(root));
}

/** Data derived from a study's texts. */
interface Texts {
  /** The input that the rest was read from. */
  readonly key: string;
  readonly levelValues: StudyFacts['levelValues'];
  readonly epochs: number | null;
  readonly isAllowed: ((setting: StudySetting) => boolean) | undefined;
}

/** Data that is cached for a study between looks. */
interface Kept {
  readonly runs: SeenRuns;
  texts: Texts | null;
  analysis: { readonly key: string; readonly analysis: StudyAnalysis | null } | null;
}

/**
 * Reads the studies of a store repeatedly. Caches the outcomes and evaluations of finished runs, so a look costs little
 * more than the changes. Keeps per-image correctness only for studies that are in progress.
 */
export class StudyReader {
  /** Keyed by study folder. */
  readonly #kept = new Map<string, Kept>();

  /** @param root the folder with the store */
  constructor(private readonly root: string) {}

  /**
   * Returns every study of the store, newest first.
   *
   * @throws the file system's error if the folder of studies cannot be read
   */
  async all(): Promise<{ readonly entry: StudyEntry; readonly known: KnownStudy }[]> {
    const entries = await listStudies(this.root);
    const folders = new Set(entries.map(({ folder }) => folder));
    for (const folder of this.#kept.keys()) if (!folders.has(folder)) this.#kept.delete(folder);
    const all: { entry: StudyEntry; known: KnownStudy }[] = [];
    for (const entry of entries) all.push({ entry, known: await this.facts(entry, entries) });
    return all;
  }

  /**
   * @param others the studies of the store, newest first, which may include its confirmation
   * @throws EMFILE or ENFILE if no more files can be opened
   */
  async facts(entry: StudyEntry, others: readonly StudyEntry[]): Promise<KnownStudy> {
    const { folder, id } = entry;
    if (entry.kind === 'broken') return { kind: 'damaged', folder, id, failure: brokenStudyFailure(entry) };
    try {
      return { kind: 'study', facts: await this.#factsOf(entry, others) };
    } catch (error) {
      if (isSystemError(error, 'EMFILE', 'ENFILE')) throw error;
      // The contents of the record are inconsistent.
      const broken = { kind: 'broken', id, folder, reason: failureOf(error).what, isNewer: false } as const;
      return { kind: 'damaged', folder, id, failure: brokenStudyFailure(broken) };
    }
  }

  async #factsOf(entry: ReadableStudy, others: readonly StudyEntry[]): Promise<StudyFacts> {
    const { folder, id, record } = entry;
    const state = await stateOf(entry);
    const seen = await this.#keptOf(folder).runs.look(record);
    const texts = this.#textsOf(folder, record);
    const analysis = await this.#analysisOf(entry, state, seen);
    const isOver = state.status === 'done' || state.status === 'failed';
    return {
      ...{ folder, id, name: record.name, createdAt: record.createdAt },
      ...(await filesNow(this.root, record)),
      ...{ factors: record.factors, levelValues: record.confirms ? null : texts.levelValues },
      plan: record.plan,
      metric: {
        ...{ name: record.metric.name, higherIsBetter: record.metric.higherIsBetter },
        unit: unitOf(record.metric.name),
      },
      smallestEffect: record.smallestEffect,
      images: record.blocks === 'folds' ? 'folds' : 'shared',
      ...{ stop: record.stop, state },
      runs: seen.map((run) => runFacts(this.root, record, run)),
      analysis,
      costs: (record.costs ?? []).map(costFacts),
      epochs: texts.epochs ?? seen.find(({ epochs }) => epochs !== null)?.epochs ?? 0,
      secondsLeft: isOver ? null : secondsLeft(record, seen),
      confirmation: await this.#confirmationOf(entry, others),
      confirms: record.confirms?.id ?? null,
      isExtended: record.isExtended,
      seeding: seedingFacts(record),
    };
  }

  /** Returns the analysis of the finished runs; null before the first. Recomputed only when another run finishes. */
  async #analysisOf(
    { folder, record }: ReadableStudy,
    state: StudyViewState,
    seen: readonly SeenRun[],
  ): Promise<StudyAnalysis | null> {
    const kept = this.#keptOf(folder);
    const key = JSON.stringify([
      ...[record.plan.blocks.length, record.isExtended],
      record.seeding?.sameSeed,
      ...seen.map(({ planned, outcome }) => [planned.run, outcome.kind, planned.tested]),
    ]);
    if (kept.analysis?.key !== key) {
      const isEmpty = seen.every(({ outcome }) => outcome.kind === 'missing');
      const full = isEmpty ? seen : await kept.runs.withCorrectness(record, seen);
      const outcomes = full.map(({ planned: { block, setting }, outcome }) => ({
        ...{ block, setting, seed: record.seeds[block] ?? 0, outcome },
      }));
      const { isAllowed } = this.#textsOf(folder, record);
      kept.analysis = { key, analysis: isEmpty ? null : analysisOf(record, outcomes, isAllowed) };
    }
    // The study is idle, so no run will be added on its own.
    if (state.status !== 'running' && state.status !== 'waiting') kept.runs.dropCorrectness();
    return kept.analysis.analysis;
  }

  async #confirmationOf(
    { id }: ReadableStudy,
    others: readonly StudyEntry[],
  ): Promise<StudyConfirmation | null> {
    for (const other of others) {
      if (other.kind === 'broken' || other.record.confirms?.id !== id) continue;
      const { folder, record } = other;
      const seen = await this.#keptOf(folder).runs.look(record);
      const analysis = await this.#analysisOf(other, await stateOf(other), seen);
      const confirmation = confirmationFacts(record, seen, analysis);
      if (confirmation) return confirmation;
    }
    return null;
  }

  /** Cached: a study holds its own copies of its texts, which change only when it is extended. */
  #textsOf(folder: string, record: StudyRecord): Texts {
    const kept = this.#keptOf(folder);
    const key = JSON.stringify([record.study.text, record.experiment.text]);
    if (kept.texts?.key !== key) kept.texts = { key, ...readTexts(this.root, record) };
    return kept.texts;
  }

  #keptOf(folder: string): Kept {
    const kept = this.#kept.get(folder) ?? { runs: new SeenRuns(this.root), texts: null, analysis: null };
    this.#kept.set(folder, kept);
    return kept;
  }
}

/** Returns a study's files under their current names. */
async function filesNow(
  root: string,
  { experiment, study, createdAt }: StudyRecord,
): Promise<Pick<StudyFacts, 'experimentFile' | 'studyFile'>> {
  const renames = await readRenames(root);
  const { file } = study;
  return {
    experimentFile: await placeNow(experiment.file, createdAt, renames),
    studyFile: file === null ? null : await placeNow(file, createdAt, renames),
  };
}

function readTexts(root: string, record: StudyRecord): Omit<Texts, 'key'> {
  const parsed = readSource(root, { ...record.study, experiment: record.experiment });
  if (!parsed.ok) return { levelValues: null, epochs: null, isAllowed: undefined };
  return {
    levelValues: parsed.study.factors.map(({ values }) => values),
    epochs: parsed.baseline.recipe.epochs,
    // Both arms of a confirmation can be trained.
    isAllowed: record.confirms ? undefined : experimentsIn(root, parsed, record).isAllowed,
  };
}

async function stateOf({ folder, record, isInterrupted }: ReadableStudy): Promise<StudyViewState> {
  if (isInterrupted) return { status: 'interrupted' };
  const { state, runs } = record;
  switch (state.status) {
    case 'running':
      return { status: 'running' };
    case 'stopped': {
      const isNew = state.because === null && runs.every(({ run }) => run === null);
      return isNew && (await isHeld(folder))
        ? { status: 'waiting' }
        : { status: 'stopped', because: state.because };
    }
    case 'done':
      return { status: 'done', because: state.how };
    case 'failed':
      return { status: 'failed', failure: state.failure };
    default:
      return assertNever(state);
  }
}

function runFacts(root: string, record: StudyRecord, { planned, ...seen }: SeenRun): StudyRunFacts {
  const { block, position, setting, run, isReused } = planned;
  return {
    ...{ id: run, folder: run === null ? null : runFolder(root, run) },
    ...{ block, position, setting, isReused },
    seed: record.seeds[block] ?? 0,
    fold: record.folds === null ? null : block % record.folds,
    status: seen.status,
    value: seen.outcome.kind === 'finished' ? seen.outcome.value : null,
    seconds: seen.seconds,
  };
}

function seedingFacts({ seeding }: StudyRecord): StudyFacts['seeding'] {
  if (!seeding) return null;
  const { isPassed, sameSeed, values } = seeding;
  return { isPassed, sameSeed, values };
}

function unitOf(metric: StudyMetric): MetricUnit {
  if (isInPoints(metric) || metric === TEST_ACCURACY) return 'points';
  return metric === 'images_per_second' ? 'images_per_second' : 'plain';
}

function costFacts(cost: StudyCost): StudyViewCost {
  const { factor, level, memoryBytes, memoryBytesWithout, timeRatios, fromRuns } = cost;
  return {
    ...{ factor, level },
    secondsPerEpoch: { with: cost.secondsPerEpoch, without: cost.secondsPerEpochWithout },
    timeRatios,
    fromRuns,
    memoryBytes:
      memoryBytes === null || memoryBytesWithout === null
        ? null
        : { with: memoryBytes, without: memoryBytesWithout },
  };
}

/** Estimates the remaining seconds from the study's own runs so far, else from the probe; null if neither is known. */
function secondsLeft({ scheduling }: StudyRecord, seen: readonly SeenRun[]): number | null {
  const taken = seen.flatMap(({ planned, seconds }) => (planned.isReused ? [] : (seconds ?? [])));
  const mean = taken.length > 0 ? taken.reduce((sum, each) => sum + each, 0) / taken.length : null;
  const perRun = mean ?? scheduling?.secondsPerRun ?? null;
  if (perRun === null) return null;
  const open = seen.filter(({ status }) => status !== 'finished' && status !== 'diverged');
  const left = open.reduce((sum, { share }) => sum + 1 - share, 0);
  return (left * perRun) / Math.max(1, Math.min(scheduling?.atOnce ?? 1, open.length));
}

/** Returns the result of a confirmation; null until each arm has a finished run. */
function confirmationFacts(
  { confirms, metric }: StudyRecord,
  seen: readonly SeenRun[],
  analysis: StudyAnalysis | null,
): StudyConfirmation | null {
  const estimates: { onTheseImages: Estimate; onNewImages: Estimate | null } | null | undefined =
    analysis?.effects[0]?.estimates;
  if (!confirms || !estimates) return null;
  const finished = seen.filter(({ outcome }) => outcome.kind === 'finished');
  const withArm = (arm: number) =>
    new Set(finished.flatMap(({ planned }) => (planned.setting[0] === arm ? [planned.block] : [])));
  const [first, second] = [withArm(0), withArm(1)];
  return {
    setting: confirms.arms[1],
    seeds: [...first].filter((block) => second.has(block)).length,
    split: metric.name === TEST_ACCURACY ? 'test' : 'validation',
    onTheseImages: estimates.onTheseImages,
    onNewImages: estimates.onNewImages,
  };
}
