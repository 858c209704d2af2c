import { basename } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import { stateName } from '../../protocol/stateName';
import type { Recipe } from '../../recipe/recipe';
import { cancelQueued, enqueue, moveInQueue, type QueuedRun, readQueue } from '../../runs/queue';
import { type QueueOptions, QueueWorker } from '../../runs/queueWorker';
import { createRun, deleteRun } from '../../runs/store';
import { type RunEnd, startRun } from '../../runs/supervisor';
import { assertNever } from '../../shared/assertNever';
import { formatAge, formatPercent } from '../../shared/format';
import { UserError } from '../../shared/userError';
import { type AllowOption, allowOption, withAllow } from '../dataAccess';
import { findRun, readExperiment } from '../input';
import {
  type CommandContext,
  type FolderOption,
  folderOption,
  type JsonOption,
  type OverrideOptions,
  overridesOf,
  rootOf,
  runArgument,
  wholeNumber,
  withSet,
} from '../options';
import { ensureOwn } from '../ownRuns';
import { TRAINER_PATH, VERSIONS } from '../package';
import { EXIT, type ExitCode, failureLines, type Terminal } from '../terminal';

type AddOptions = OverrideOptions & AllowOption & FolderOption;

interface StartOptions extends FolderOption {
  readonly atOnce: number;
  readonly retries: number;
}

export function addQueueCommand(program: Command, { terminal, end }: CommandContext): void {
  const queue = program.command('queue').description(l10n.t('work with the runs that wait for their turn'));
  queue
    .command('list', { isDefault: true })
    .description(l10n.t('list them, the next one first'))
    .option('--json', l10n.t('print them as JSON'))
    .option(...folderOption())
    .option(...allowOption())
    .action(async (options: FolderOption & JsonOption) => {
      end(await list(terminal, await rootOf(terminal, options), options));
    });
  withAllow(withSet(queue.command('add')))
    .description(l10n.t('add a run of each experiment at the end'))
    .argument('<files...>', l10n.t('experiment files, YAML or JSON'))
    .option(...folderOption())
    .action(async (files: string[], options: AddOptions) => {
      end(await add(terminal, files, options));
    });
  queue
    .command('move')
    .description(l10n.t('put a run at another position'))
    .argument(...runArgument())
    .argument('<position>', l10n.t('from 1, which is the next'))
    .option(...folderOption())
    .option(...allowOption())
    .action(async (reference: string, position: string, options: FolderOption) => {
      end(await move(terminal, await rootOf(terminal, options), reference, position));
    });
  queue
    .command('cancel')
    .description(l10n.t('take a run out'))
    .argument(...runArgument())
    .option(...folderOption())
    .option(...allowOption())
    .action(async (reference: string, options: FolderOption) => {
      end(await cancel(terminal, await rootOf(terminal, options), reference));
    });
  queue
    .command('start')
    .description(l10n.t('train them in turn, until none waits'))
    .option('--at-once <number>', l10n.t('how many train at the same time'), wholeNumber(1), 1)
    .option(
      '--retries <number>',
      l10n.t('how often a run whose trainer crashed is tried again'),
      wholeNumber(0),
      1,
    )
    .option(...folderOption())
    .option(...allowOption())
    .action(async (options: StartOptions) => {
      const { atOnce, retries } = options;
      const root = await rootOf(terminal, options);
      await ensureOwn(terminal, await readQueue(root), options, 'tricks queue start');
      end(await start(terminal, root, { atOnce, retries }));
    });
}

/** Lists the runs that wait, the next one first. */
async function list(terminal: Terminal, root: string, { json = false }: JsonOption = {}): Promise<ExitCode> {
  const queue = await readQueue(root);
  if (json) {
    terminal.printJson(
      queue.map(({ id, folder, manifest }) => ({ ...manifest, id, folder })),
      2,
    );
  } else if (queue.length === 0) {
    terminal.note(l10n.t('No run waits in {0}. Add one: {1}', root, 'tricks queue add FILE'));
  } else {
    const titles = [l10n.t('PLACE'), l10n.t('RUN'), l10n.t('WAITS')];
    const now = Date.now();
    const rows = queue.map(({ id, manifest }, index) => [
      `${index + 1}`,
      id,
      formatAge((now - manifest.createdAt) / 1000),
    ]);
    terminal.printTable(titles, rows, [0]);
  }
  return EXIT.done;
}

/** Adds a run of each file at the end of the queue; none where one of them cannot run. */
async function add(terminal: Terminal, files: readonly string[], options: AddOptions): Promise<ExitCode> {
  const root = await rootOf(terminal, options);
  const experiments: { readonly file: string; readonly text: string; readonly recipe: Recipe }[] = [];
  for (const file of files) {
    const experiment = await readExperiment(terminal, file, {
      ...options,
      overrides: overridesOf(options),
      isTrained: true,
    });
    if (!experiment) return EXIT.badInput;
    experiments.push({ file, ...experiment });
  }
  for (const { file, text, recipe } of experiments) {
    const creation = await createRun(root, {
      experimentFile: file,
      experimentText: text,
      recipe,
      versions: VERSIONS,
    });
    const failure = creation.ok ? await enqueue(root, creation.id) : creation.failure;
    if (failure) {
      if (creation.ok) await deleteRun(root, creation.id);
      terminal.fail(failure);
      return EXIT.failed;
    }
    if (creation.ok) terminal.print(creation.id);
  }
  return EXIT.done;
}

/** Puts a run that waits at a position, from 1. */
async function move(
  terminal: Terminal,
  root: string,
  reference: string,
  position: string,
): Promise<ExitCode> {
  const run = await findQueued(root, reference);
  if (!/^[1-9]\d{0,8}$/.test(position)) {
    throw new UserError({
      what: l10n.t('{0} is no position.', position),
      remedy: l10n.t('Give a whole number from 1, the position of the next run.'),
    });
  }
  await moveInQueue(root, run.id, Number(position) - 1);
  return list(terminal, root);
}

/** Takes a run out of the queue. */
async function cancel(terminal: Terminal, root: string, reference: string): Promise<ExitCode> {
  const run = await findQueued(root, reference);
  await cancelQueued(run.folder);
  terminal.print(l10n.t('Cancelled {0}.', run.id));
  return EXIT.done;
}

/** Trains what waits, in turn, until nothing does; an interrupt stops what trains. */
async function start(terminal: Terminal, root: string, options: QueueOptions): Promise<ExitCode> {
  const ends: RunEnd[] = [];
  const worker = new QueueWorker(
    root,
    () => options,
    (folder, changes) =>
      startRun(folder, { nodePath: process.execPath, trainerPath: TRAINER_PATH, ...changes }),
  );
  worker.on('error', (error) => terminal.note(String(error)));
  worker.on('foreign', ({ id }) =>
    terminal.note(
      l10n.t(
        '{0} waits, but was not queued here by you. To train it: {1}',
        id,
        'tricks queue start --allow FOLDER',
      ),
    ),
  );
  worker.on('started', ({ id }) => terminal.print(l10n.t('Started {0}', id)));
  worker.on('uncertain', ({ id }) =>
    terminal.note(
      l10n.t(
        '{0} may be running on another machine or in another container. It counts as running until its heartbeat has stood still for 30 s.',
        id,
      ),
    ),
  );
  worker.on('ended', ({ id, end }) => {
    for (const line of failureLines(endLine(id, end))) terminal.print(line);
    ends.push(end);
  });
  const stop = () => {
    worker.close();
    for (const handle of worker.handles.values()) void handle.stop();
  };
  terminal.closed.addEventListener('abort', stop, { once: true });
  process.on('SIGINT', stop).on('SIGTERM', stop).on('SIGHUP', stop);
  try {
    await worker.drained();
  } finally {
    worker.close();
    process.off('SIGINT', stop).off('SIGTERM', stop).off('SIGHUP', stop);
  }
  if (ends.some(({ status }) => status === 'stopped' || status === 'paused')) return EXIT.stopped;
  return ends.some(({ status }) => status === 'failed') ? EXIT.failed : EXIT.done;
}

function endLine(id: string, end: RunEnd): string {
  switch (end.status) {
    case 'done':
      return l10n.t('Done {0}: validation accuracy {1}', id, formatPercent(end.result.validationAccuracy));
    case 'failed':
      return l10n.t('Failed {0}: {1} {2}', id, end.failure.what, end.failure.remedy);
    case 'queued':
      return l10n.t('Crashed {0}: it is tried again', id);
    case 'stopped':
    case 'paused':
    case 'interrupted':
      return `${id} ${stateName(end)}`;
    default:
      return assertNever(end);
  }
}

/**
 * The waiting run that a person means.
 * @throws UserError where there is none
 */
async function findQueued(root: string, reference: string): Promise<QueuedRun> {
  const { folder } = await findRun(root, reference);
  const queued = (await readQueue(root)).find((run) => run.folder === folder);
  if (queued) return queued;
  throw new UserError({
    what: l10n.t('{0} does not wait.', basename(folder)),
    remedy: l10n.t('List the runs that do: {0}', 'tricks queue'),
  });
}
