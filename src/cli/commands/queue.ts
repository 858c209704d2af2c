import { basename } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import { runLabels } from '../../insight/runLabels';
import { stateName, waitingForGpuText } from '../../protocol/stateName';
import { type AnyRecipe, recipeFacts } from '../../recipe/anyRecipe';
import { gpuQueue } from '../../runs/gpus/queueSlots';
import { cancelQueued, enqueue, moveInQueue, type QueuedRun, readQueue } from '../../runs/queue';
import { type QueueOptions, QueueWorker } from '../../runs/queueWorker';
import { createRun, deleteRun, listRuns } from '../../runs/store';
import { type RunEnd, startRun } from '../../runs/supervisor';
import { assertNever } from '../../shared/assertNever';
import { formatAccuracy, formatAge } from '../../shared/format';
import { UserError } from '../../shared/userError';
import { quoted } from '../../system/allowedFolders';
import { readTraining } from '../commandInput';
import { type AllowOption, allowOption, withAllow } from '../dataAccess';
import { findRun } from '../input';
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
  withOverrides,
} from '../options';
import { commandsAt } from '../output';
import { ensureOwn } from '../ownRuns';
import { TRAINER_PATH, VERSIONS } from '../package';
import { readable } from '../runFacts';
import { EXIT, type ExitCode, logLines, type Terminal } from '../terminal';

type AddOptions = OverrideOptions & AllowOption & FolderOption;

interface StartOptions extends FolderOption {
  readonly atOnce: number;
  readonly retries: number;
}

export function addQueueCommand(program: Command, { terminal, end }: CommandContext): void {
  const queue = program.command('queue').description(l10n.t('manage the queued runs'));
  queue
    .command('list', { isDefault: true })
    .description(l10n.t('list them, the next one first'))
    .option('--json', l10n.t('print them as JSON'))
    .option(...folderOption())
    .option(...allowOption())
    .action(async (options: FolderOption & JsonOption) => {
      end(await list(terminal, await rootOf(terminal, options), options));
    });
  withAllow(withOverrides(queue.command('add')))
    .description(l10n.t('add a run of each experiment to the end of the queue'))
    .argument('<files...>', l10n.t('experiment files, YAML or JSON'))
    .option(...folderOption())
    .action(async (files: string[], options: AddOptions) => {
      end(await add(terminal, files, options));
    });
  queue
    .command('move')
    .description(l10n.t('move a run to another position'))
    .argument(...runArgument())
    .argument('<position>', l10n.t('the new position; 1 is the next run'))
    .option(...folderOption())
    .option(...allowOption())
    .action(async (reference: string, position: string, options: FolderOption) => {
      end(await move(terminal, await rootOf(terminal, options), reference, position));
    });
  queue
    .command('cancel')
    .description(l10n.t('remove a run from the queue'))
    .argument(...runArgument())
    .option(...folderOption())
    .option(...allowOption())
    .action(async (reference: string, options: FolderOption) => {
      end(await cancel(terminal, await rootOf(terminal, options), reference));
    });
  queue
    .command('start')
    .description(l10n.t('train the queued runs in order until the queue is empty'))
    .option(
      '--at-once <number>',
      l10n.t('how many runs train at a time; on GPUs, per GPU'),
      wholeNumber(1),
      1,
    )
    .option('--retries <number>', l10n.t('how often to retry a run whose trainer crashed'), wholeNumber(0), 1)
    .option(...folderOption())
    .option(...allowOption())
    .action(async (options: StartOptions) => {
      const { atOnce, retries } = options;
      const root = await rootOf(terminal, options);
      const command = await commandsAt(root);
      await ensureOwn(terminal, await readQueue(root), options, command('tricks queue start'));
      end(await start(terminal, root, { atOnce, retries }));
    });
}

/** Lists the queued runs, next one first. */
async function list(terminal: Terminal, root: string, { json = false }: JsonOption = {}): Promise<ExitCode> {
  const queue = await readQueue(root);
  if (json) {
    terminal.printJson(
      queue.map(({ id, folder, manifest }) => ({ ...manifest, id, folder })),
      2,
    );
  } else if (queue.length === 0) {
    const command = await commandsAt(root);
    terminal.note(l10n.t('No runs are queued in {0}. Add one: {1}', root, command('tricks queue add FILE')));
  } else {
    const titles = [l10n.t('POSITION'), l10n.t('RUN'), l10n.t('NAME'), l10n.t('WAITING')];
    const now = Date.now();
    const runs = await listRuns(root);
    const labels = runLabels(readable(runs), now);
    const rows = queue.map(({ id, folder, manifest }, index) => [
      `${index + 1}`,
      id,
      labels.get(folder)?.full ?? manifest.name,
      formatAge((now - manifest.createdAt) / 1000),
    ]);
    terminal.printTable(titles, rows, [0]);
    const training = readable(runs).filter(({ manifest: { state } }) => state.status === 'running');
    const { waiting } = await gpuQueue(queue, training, 1);
    if (waiting.length > 0) {
      terminal.print(`${waitingForGpuText()}: ${waiting.map(({ id }) => id).join(', ')}`);
    }
  }
  return EXIT.done;
}

/** Appends a run of each file to the queue. Adds none of them if one cannot run. */
async function add(terminal: Terminal, files: readonly string[], options: AddOptions): Promise<ExitCode> {
  const root = await rootOf(terminal, options);
  const experiments: { readonly file: string; readonly text: string; readonly recipe: AnyRecipe }[] = [];
  const settings = overridesOf(options);
  for (const file of files) {
    const experiment = await readTraining(terminal, file, { ...options, overrides: settings });
    if (!experiment) return EXIT.badInput;
    experiments.push({ file, ...experiment });
  }
  for (const { file, text, recipe } of experiments) {
    const creation = await createRun(root, {
      experimentFile: file,
      experimentText: text,
      settings,
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

/** Moves a queued run to a position, counted from 1. */
async function move(
  terminal: Terminal,
  root: string,
  reference: string,
  position: string,
): Promise<ExitCode> {
  const run = await findQueued(root, reference);
  if (!/^[1-9]\d{0,8}$/.test(position)) {
    throw new UserError({
      what: l10n.t('{0} is not a position.', position),
      remedy: l10n.t('Specify a whole number from 1, the position of the next run.'),
    });
  }
  await moveInQueue(root, run.id, Number(position) - 1);
  return list(terminal, root);
}

/** Removes a run from the queue. */
async function cancel(terminal: Terminal, root: string, reference: string): Promise<ExitCode> {
  const run = await findQueued(root, reference);
  await cancelQueued(run.folder);
  terminal.print(l10n.t('Canceled {0}.', run.id));
  return EXIT.done;
}

/** Trains the queued runs one after another until the queue is empty. An interrupt stops the current run. */
async function start(terminal: Terminal, root: string, options: QueueOptions): Promise<ExitCode> {
  const command = await commandsAt(root);
  const ends: RunEnd[] = [];
  const worker = new QueueWorker(
    root,
    () => options,
    (folder, changes) =>
      startRun(folder, { nodePath: process.execPath, trainerPath: TRAINER_PATH, ...changes }),
  );
  worker.on('error', (error) => terminal.note(String(error)));
  worker.on('foreign', ({ id, folder }) =>
    terminal.note(
      l10n.t(
        '{0} is queued, but you did not queue it here. To train it: {1}',
        id,
        command(`tricks queue start --allow ${quoted(folder)}`),
      ),
    ),
  );
  const told = new Set<string>();
  worker.on('waitingForGpu', (runs) => {
    for (const { id } of runs.filter(({ id }) => !told.has(id))) {
      told.add(id);
      terminal.print(`${id}: ${waitingForGpuText()}`);
    }
  });
  worker.on('started', ({ id }) => terminal.print(l10n.t('Started {0}', id)));
  worker.on('uncertain', ({ id }) =>
    terminal.note(
      l10n.t(
        '{0} may be running on another machine or in another container. It counts as running until its heartbeat stays unchanged for 30 s.',
        id,
      ),
    ),
  );
  worker.on('ended', ({ id, recipe, end }) => {
    for (const line of endLines(id, recipe, end, command)) terminal.print(line);
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

function endLines(
  id: string,
  recipe: AnyRecipe,
  end: RunEnd,
  command: (command: string) => string,
): string[] {
  switch (end.status) {
    case 'done': {
      const { validationImages } = recipeFacts(recipe);
      const accuracy = formatAccuracy(end.result.validationAccuracy, validationImages);
      return [l10n.t('Done {0}: validation accuracy {1}', id, accuracy)];
    }
    case 'failed': {
      const { what, remedy, log } = end.failure;
      return [l10n.t('Failed {0}: {1} {2}', id, what, remedy), ...logLines(log)];
    }
    case 'queued':
      return [l10n.t('Crashed {0}: retrying', id)];
    case 'stopped':
    case 'paused':
    case 'interrupted':
      return [l10n.t('{0}: {1}. To resume: {2}', id, stateName(end), command(`tricks resume ${id}`))];
    default:
      return assertNever(end);
  }
}

/**
 * Finds the queued run that a reference names.
 * @throws UserError if there is none
 */
async function findQueued(root: string, reference: string): Promise<QueuedRun> {
  const { folder } = await findRun(root, reference);
  const queued = (await readQueue(root)).find((run) => run.folder === folder);
  if (queued) return queued;
  throw new UserError({
    what: l10n.t('{0} is not queued.', basename(folder)),
    remedy: l10n.t('List the queued runs: {0}', (await commandsAt(root))('tricks queue')),
  });
}
