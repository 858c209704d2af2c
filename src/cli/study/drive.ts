import * as l10n from '@vscode/l10n';
import { studyView } from '../../insight/study/results/studyView';
import type { StudyFacts } from '../../protocol/studyView';
import { isOwnRun } from '../../runs/origin';
import type { QueuedRun } from '../../runs/queue';
import { QueueWorker } from '../../runs/queueWorker';
import { type ReadableEntry, readRun, runFolder } from '../../runs/store';
import { assertNever } from '../../shared/assertNever';
import { formatDuration } from '../../shared/format';
import { UserError } from '../../shared/userError';
import { StudyReader } from '../../studies/facts';
import { foldRequests } from '../../studies/planning';
import type { StudyState } from '../../studies/record';
import { listStudies, type ReadableStudy, readStudy } from '../../studies/store';
import { type StudyProgress, StudyWorker } from '../../studies/worker';
import type { AllowOption } from '../dataAccess';
import { ensureOwn, ensureOwnStudy } from '../ownRuns';
import { VERSIONS } from '../package';
import { EXIT, type ExitCode, paint, type Terminal } from '../terminal';
import { indexFolds } from './folds';
import { printEffectTable, printStudy } from './showing';
import { testerIn } from './testing';
import { startTrainer } from './trainers';

export interface DriveOptions extends AllowOption {
  readonly json?: boolean;
  /** False leaves out what each factor costs. */
  readonly costs?: boolean;
}

/** Runs a study in this terminal until it ends; an interrupt stops it, and it can be resumed. */
export async function drive(
  terminal: Terminal,
  root: string,
  study: ReadableStudy,
  options: DriveOptions,
): Promise<ExitCode> {
  const { id, folder, record } = study;
  await ensureOwnStudy(terminal, study, options);
  await ensureOwnRuns(
    terminal,
    root,
    record.runs.flatMap(({ run }) => run ?? []),
    id,
    options,
  );
  await indexFolds(terminal, root, record.experiment.file, foldRequests(root, record));
  const { json = false, costs = true } = options;
  // Only who has the study takes its runs.
  let hasBegun = false;
  const takes = ({ terms }: QueuedRun) => hasBegun && terms.group === id;
  const queue = new QueueWorker(root, () => ({ atOnce: 1, retries: 0, takes }), startTrainer);
  const worker = new StudyWorker(root, folder, {
    start: startTrainer,
    versions: VERSIONS,
    test: testerIn(root),
    measuresCosts: costs,
  });
  worker.once('progress', () => {
    hasBegun = true;
    queue.wake();
  });
  const shown = json ? jsonProgress(terminal) : progressOf(terminal);
  worker.on('progress', (progress) => shown.show(progress));
  worker.on('retried', ({ id: run, failure, failures }) => {
    shown.clear();
    terminal.note(l10n.t('{0} failed ({1} of 3) and is tried again: {2}', run, failures, failure.what));
  });
  // What a block showed is told in its turn, after what came before it was read.
  let told: Promise<void> = Promise.resolve();
  const reader = new StudyReader(root);
  worker.on('analysis', (analysis, progress) => {
    if (json) return terminal.printJson({ type: 'analysis', blocksDone: progress.blocksDone, analysis });
    const { blocksDone, record } = progress;
    const { length } = record.plan.blocks;
    // The last is told with all that it shows.
    if (blocksDone === length) return;
    told = told.then(async () => {
      const facts = await factsIn(reader, root, folder);
      shown.clear();
      terminal.print(paint('bold', l10n.t('Block {0} of {1} is done.', blocksDone, length)));
      printEffectTable(terminal, studyView({ ...facts, analysis }));
    });
    told.catch(() => worker.stop());
  });
  const stop = () => {
    shown.clear();
    terminal.note(l10n.t('Stopping: runs in training are paused after their step.'));
    worker.stop();
  };
  terminal.closed.addEventListener('abort', stop, { once: true });
  process.on('SIGINT', stop).on('SIGTERM', stop).on('SIGHUP', stop);
  try {
    const state = await worker.run();
    await told;
    shown.clear();
    const facts = await factsIn(reader, root, folder);
    if (json) terminal.printJson({ type: 'study', study: facts });
    return report(terminal, state, facts, json);
  } finally {
    queue.close();
    shown.clear();
    terminal.closed.removeEventListener('abort', stop);
    process.off('SIGINT', stop).off('SIGTERM', stop).off('SIGHUP', stop);
    await Promise.all([...queue.handles.values()].map(({ exited }) => exited));
  }
}

/** @throws UserError where a run of the study that is not over came with its folder, and its person does not take it on */
async function ensureOwnRuns(
  terminal: Terminal,
  root: string,
  ids: readonly string[],
  study: string,
  options: AllowOption,
): Promise<void> {
  const foreign: ReadableEntry[] = [];
  // One after the other: a study may have more runs than files may be open.
  for (const run of ids) {
    const entry = await readRun(runFolder(root, run));
    const isOpen = entry.kind === 'run' && entry.manifest.state.status !== 'done';
    if (isOpen && !(await isOwnRun(entry))) foreign.push(entry);
  }
  await ensureOwn(terminal, foreign, options, `tricks study resume ${study}`);
}

/** What is known of a study while it is run. */
async function factsIn(reader: StudyReader, root: string, folder: string): Promise<StudyFacts> {
  const known = await reader.facts(await readStudy(folder), await listStudies(root));
  if (known.kind === 'damaged') throw new UserError(known.failure);
  return known.facts;
}

/** Says how a study ended. */
function report(terminal: Terminal, state: StudyState, facts: StudyFacts, json: boolean): ExitCode {
  switch (state.status) {
    case 'done':
      if (!json) printStudy(terminal, studyView(facts), 'results');
      return EXIT.done;
    case 'stopped':
      if (state.because) terminal.fail(state.because);
      else terminal.note(l10n.t('Stopped. To go on: {0}', `tricks study resume ${facts.id}`));
      return EXIT.stopped;
    case 'failed':
      terminal.fail(state.failure);
      return EXIT.failed;
    case 'running':
      throw new UserError({
        what: l10n.t('The study {0} is running.', facts.id),
        remedy: l10n.t('Stop it first: {0}', `tricks study stop ${facts.id}`),
      });
    default:
      return assertNever(state);
  }
}

interface ShownProgress {
  show(progress: StudyProgress): void;
  /** Leaves room for another line. */
  clear(): void;
}

/** How often a line is drawn anew. */
const DRAW_EVERY_MS = 200;

/** A line that follows the study; where it cannot be drawn anew, one for each run that ends. */
function progressOf(terminal: Terminal): ShownProgress {
  const line = terminal.statusLine();
  let drawnAt = Number.NEGATIVE_INFINITY;
  let told = '';
  return {
    show: (progress) => {
      const text = progressText(progress);
      if (line) {
        if (performance.now() - drawnAt < DRAW_EVERY_MS) return;
        drawnAt = performance.now();
        line.show(text);
        return;
      }
      const key = `${progress.doing} ${progress.runsDone}`;
      if (key !== told) terminal.note(text);
      told = key;
    },
    clear: () => line?.clear(),
  };
}

function progressText({ doing, runsDone, runsTotal, secondsLeft, record }: StudyProgress): string {
  switch (doing) {
    case 'measuring':
      return l10n.t('Measuring how many runs at a time finish most work...');
    case 'costs':
      return l10n.t('Measuring what each factor costs...');
    case 'training': {
      const { scheduling } = record;
      const left =
        secondsLeft === null ? l10n.t('time left unknown') : l10n.t('{0} left', formatDuration(secondsLeft));
      return scheduling && scheduling.atOnce > 1
        ? l10n.t('{0} of {1} runs done, {2} at a time, {3}', runsDone, runsTotal, scheduling.atOnce, left)
        : l10n.t('{0} of {1} runs done, {2}', runsDone, runsTotal, left);
    }
    default:
      return assertNever(doing);
  }
}

/** A line for programs where the count of runs changes, and at least each second. */
function jsonProgress(terminal: Terminal): ShownProgress {
  let toldAt = Number.NEGATIVE_INFINITY;
  let told = '';
  return {
    show: ({ doing, runsDone, runsTotal, blocksDone, secondsLeft, record }) => {
      const key = `${doing} ${runsDone}`;
      if (key === told && performance.now() - toldAt < 1000) return;
      told = key;
      toldAt = performance.now();
      terminal.printJson({
        type: 'progress',
        study: record.id,
        doing,
        runsDone,
        runsTotal,
        blocksDone,
        secondsLeft,
      });
    },
    clear: () => {},
  };
}
