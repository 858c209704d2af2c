import * as l10n from '@vscode/l10n';
import { studyView } from '../../insight/study/results/studyView';
import { waitingForGpuText } from '../../protocol/stateName';
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
import { commandsAt } from '../output';
import { ensureOwn, ensureOwnStudy } from '../ownRuns';
import { VERSIONS } from '../package';
import { EXIT, type ExitCode, paint, type Terminal } from '../terminal';
import { indexFolds } from './folds';
import { printEffectTable, printStudy } from './showing';
import { testerIn } from './testing';
import { startTrainer } from './trainers';

export interface DriveOptions extends AllowOption {
  readonly json?: boolean;
  /** False skips measuring the cost of each factor. */
  readonly costs?: boolean;
}

/** Runs a study in this terminal until it ends. An interrupt stops it, and it can be resumed later. */
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
    [...record.runs, ...(record.seeding?.repeats ?? [])].flatMap(({ run }) => run ?? []),
    id,
    options,
  );
  await indexFolds(terminal, root, record.experiment.file, foldRequests(root, record));
  const { json = false, costs = true } = options;
  // Take the study's runs only after this process has claimed the study.
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
  queue.on('waitingForGpu', (runs) => {
    if (runs.length === 0) return;
    shown.clear();
    terminal.note(waitingForGpuText());
  });
  worker.on('retried', ({ id: run, failure, failures }) => {
    shown.clear();
    terminal.note(l10n.t('{0} failed ({1} of 3) and is retried: {2}', run, failures, failure.what));
  });
  // Print the effects of the blocks one after another: reading the facts takes time.
  let told: Promise<void> = Promise.resolve();
  const reader = new StudyReader(root);
  worker.on('analysis', (analysis, progress) => {
    if (json) return terminal.printJson({ type: 'analysis', blocksDone: progress.blocksDone, analysis });
    const { blocksDone, record } = progress;
    const { length } = record.plan.blocks;
    // The final report covers the last block.
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
    terminal.note(l10n.t('Stopping: active runs pause after their current step.'));
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
    return report(terminal, state, { facts, json, command: await commandsAt(root) });
  } finally {
    queue.close();
    shown.clear();
    terminal.closed.removeEventListener('abort', stop);
    process.off('SIGINT', stop).off('SIGTERM', stop).off('SIGHUP', stop);
    await Promise.all([...queue.handles.values()].map(({ exited }) => exited));
  }
}

/** @throws UserError if an unfinished run of the study came with its folder and the user does not accept it */
async function ensureOwnRuns(
  terminal: Terminal,
  root: string,
  ids: readonly string[],
  study: string,
  options: AllowOption,
): Promise<void> {
  const foreign: ReadableEntry[] = [];
  // Sequential, because a study may have more runs than the limit on open files.
  for (const run of ids) {
    const entry = await readRun(runFolder(root, run));
    const isOpen = entry.kind === 'run' && entry.manifest.state.status !== 'done';
    if (isOpen && !(await isOwnRun(entry))) foreign.push(entry);
  }
  const command = await commandsAt(root);
  await ensureOwn(terminal, foreign, options, command(`tricks study resume ${study}`));
}

/** Reads the facts of a running study. */
async function factsIn(reader: StudyReader, root: string, folder: string): Promise<StudyFacts> {
  const known = await reader.facts(await readStudy(folder), await listStudies(root));
  if (known.kind === 'damaged') throw new UserError(known.failure);
  return known.facts;
}

/** Reports how a study ended. */
function report(
  terminal: Terminal,
  state: StudyState,
  {
    facts,
    json,
    command,
  }: {
    readonly facts: StudyFacts;
    readonly json: boolean;
    readonly command: (command: string) => string;
  },
): ExitCode {
  switch (state.status) {
    case 'done':
      if (!json) printStudy(terminal, studyView(facts), command, 'results');
      return EXIT.done;
    case 'stopped':
      if (state.because) terminal.fail(state.because);
      else terminal.note(l10n.t('Stopped. To resume: {0}', command(`tricks study resume ${facts.id}`)));
      return EXIT.stopped;
    case 'failed':
      terminal.fail(state.failure);
      return EXIT.failed;
    case 'running':
      throw new UserError({
        what: l10n.t('The study {0} is running.', facts.id),
        remedy: l10n.t('Stop it first: {0}', command(`tricks study stop ${facts.id}`)),
      });
    default:
      return assertNever(state);
  }
}

interface ShownProgress {
  show(progress: StudyProgress): void;
  /** Makes room for another line. */
  clear(): void;
}

/** Minimum interval between redraws. */
const DRAW_EVERY_MS = 200;

/** A status line that follows the study. Without a terminal, prints one line per run that ends. */
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
      return l10n.t('Measuring how many parallel runs give the best throughput...');
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

/** Prints a line of JSON whenever the number of runs changes, and at least every second. */
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
