import { basename } from 'node:path';
import * as l10n from '@vscode/l10n';
import { cancelQueued, enqueue, moveInQueue, type QueuedRun, readQueue } from '../runs/queue';
import { type QueueOptions, QueueWorker } from '../runs/queueWorker';
import { createRun, deleteRun } from '../runs/store';
import { type RunEnd, startRun } from '../runs/supervisor';
import { age, percent, stateName } from './format';
import { findRun, InputError, readExperiment } from './input';
import { EXIT, type ExitCode, type Terminal } from './terminal';

/** `tricks queue`: the runs that wait, the next one first. */
export async function queueListCommand(terminal: Terminal, root: string, json: boolean): Promise<ExitCode> {
  const queue = await readQueue(root);
  if (json) {
    terminal.print(
      JSON.stringify(
        queue.map(({ id, folder, manifest }) => ({ ...manifest, id, folder })),
        null,
        2,
      ),
    );
  } else if (queue.length === 0) {
    terminal.note(l10n.t('No run waits in {0}. Add one: {1}', root, 'tricks queue add FILE'));
  } else {
    const titles = [l10n.t('PLACE'), l10n.t('RUN'), l10n.t('WAITS')];
    const now = Date.now();
    const rows = queue.map(({ id, manifest }, index) => [`${index + 1}`, id, age(now - manifest.createdAt)]);
    terminal.printTable(titles, rows, [0]);
  }
  return EXIT.done;
}

/** `tricks queue add`: a run of each file, at the end of the queue; none where one of them cannot run. */
export async function queueAddCommand(
  terminal: Terminal,
  root: string,
  files: readonly string[],
  overrides: readonly string[],
  versions: Readonly<Record<string, string>>,
): Promise<ExitCode> {
  const experiments = await Promise.all(
    files.map(async (file) => ({ file, ...(await readExperiment(file, overrides)) })),
  );
  for (const { file, text, recipe } of experiments) {
    const creation = await createRun(root, { experimentFile: file, experimentText: text, recipe, versions });
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

/** `tricks queue move`: puts a run that waits at a position, from 1. */
export async function queueMoveCommand(
  terminal: Terminal,
  root: string,
  reference: string,
  position: string,
): Promise<ExitCode> {
  const run = await findQueued(root, reference);
  if (!/^[1-9]\d{0,8}$/.test(position)) {
    throw InputError.of({
      what: l10n.t('{0} is no position.', position),
      remedy: l10n.t('Give a whole number from 1, the position of the next run.'),
    });
  }
  await moveInQueue(root, run.id, Number(position) - 1);
  return queueListCommand(terminal, root, false);
}

/** `tricks queue cancel`: takes a run out of the queue. */
export async function queueCancelCommand(
  terminal: Terminal,
  root: string,
  reference: string,
): Promise<ExitCode> {
  const run = await findQueued(root, reference);
  await cancelQueued(run.folder);
  terminal.print(l10n.t('Cancelled {0}.', run.id));
  return EXIT.done;
}

export interface QueueStartOptions extends QueueOptions {
  readonly trainerPath: string;
}

/** `tricks queue start`: trains what waits, in turn, until nothing does; an interrupt stops what trains. */
export async function queueStartCommand(
  terminal: Terminal,
  root: string,
  { trainerPath, ...options }: QueueStartOptions,
): Promise<ExitCode> {
  const ends: RunEnd[] = [];
  const worker = new QueueWorker(
    root,
    () => options,
    (folder, changes) => startRun(folder, { nodePath: process.execPath, trainerPath, ...changes }),
  );
  worker.on('error', (error) => terminal.note(String(error)));
  worker.on('started', ({ id }) => terminal.print(l10n.t('Started {0}', id)));
  worker.on('ended', ({ id, end }) => {
    terminal.print(endLine(id, end));
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
      return l10n.t('Done {0}: validation accuracy {1}', id, percent(end.result.validationAccuracy));
    case 'failed':
      return l10n.t('Failed {0}: {1} {2}', id, end.failure.what, end.failure.remedy);
    case 'queued':
      return l10n.t('Crashed {0}: it is tried again', id);
    case 'stopped':
    case 'paused':
    case 'interrupted':
      return `${id} ${stateName(end)}`;
    default: {
      const unknown: never = end;
      throw new Error(`Unknown end ${JSON.stringify(unknown)}`);
    }
  }
}

/**
 * The waiting run that a person means.
 * @throws InputError where there is none
 */
async function findQueued(root: string, reference: string): Promise<QueuedRun> {
  const { folder } = await findRun(root, reference);
  const queued = (await readQueue(root)).find((run) => run.folder === folder);
  if (queued) return queued;
  throw InputError.of({
    what: l10n.t('{0} does not wait.', basename(folder)),
    remedy: l10n.t('List the runs that do: {0}', 'tricks queue'),
  });
}
