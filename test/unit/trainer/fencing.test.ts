import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { AttemptFence } from '../../../src/protocol/attempts';
import { settledMetrics } from '../../../src/protocol/fold';
import { savePeriodVariables, TRAINER_EXIT } from '../../../src/protocol/trainer';
import { checkpointsFolder, lastCheckpointPath, readCheckpoint } from '../../../src/runs/checkpoint';
import { evaluationsFolder } from '../../../src/runs/evaluationFiles';
import { currentFolder } from '../../../src/runs/lease/attemptFolders';
import { readLease } from '../../../src/runs/lease/lease';
import { readAllEvents } from '../../../src/runs/log';
import { listRuns, metricsPath, readManifest, readRun } from '../../../src/runs/store';
import { linuxStatIn } from '../../../src/system/processes';
import { smallRecipe } from '../../support/smallTraining';
import { until } from '../runs/support';
import { frozenAt, frozenTrainer } from './frozenTrainer';
import { bundle, queueRun, trainerTests } from './trainerProcess';

/** Runs a program in another PID namespace, as in a container on this machine. */
const ELSEWHERE = ['--pid', '--fork', '--kill-child', '--mount-proc'] as const;
const canUnshare = spawnSync('unshare', [...ELSEWHERE, 'true']).status === 0;

const tests = trainerTests();
let programPath: string;

beforeAll(async () => {
  programPath = join(dirname(tests.trainerPath), 'elsewhere.js');
  const source = `
    import { HeartbeatWatch } from './src/runs/lease/heartbeats';
    import { makeReady } from './src/runs/queue';
    import { markInterrupted } from './src/runs/stopping';
    import { startOver } from './src/runs/startingOver';
    import { deleteRun, listRuns } from './src/runs/store';
    import { basename, resolve } from 'node:path';
    const [request, folder, stillMs] = process.argv.slice(2);
    const watch = new HeartbeatWatch(Number(stillMs));
    const onWaiting = (text) => console.log(text);
    const root = resolve(folder, '../../..');
    const answers = {
      look: async () => {
        await markInterrupted(folder);
        return listRuns(root);
      },
      resume: () => makeReady(folder, { watch, onWaiting }),
      anew: () => startOver(folder, { watch, onWaiting }),
      delete: () => deleteRun(root, basename(folder), { watch, onWaiting }),
    };
    answers[request]().then((answer) => console.log(JSON.stringify(answer)));
  `;
  const stdin = { contents: source, resolveDir: join(__dirname, '../../..'), loader: 'ts' } as const;
  await bundle({ stdin }, programPath);
});

/** Runs a program in another PID namespace that does something with a run, and returns its output. */
async function elsewhere(
  request: 'look' | 'resume' | 'anew' | 'delete',
  folder: string,
  stillMs = 600,
): Promise<string> {
  const child = startElsewhere([programPath, request, folder, `${stillMs}`]);
  let output = '';
  child.stdout?.on('data', (data) => (output += data));
  await once(child, 'close');
  return output;
}

function startElsewhere(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  // The first process of a namespace cannot stop itself, so that is a shell.
  const command = ['sh', '-c', '"$@"; exit $?', 'sh', process.execPath, ...args];
  const child = spawn('unshare', [...ELSEWHERE, ...command], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, ...env },
  });
  const exited = once(child, 'exit');
  tests.endWith(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  return child;
}

const SAVES = savePeriodVariables({ steps: 3 });
const recipe = smallRecipe({ tricks: { ema: true }, schedule: { epochs: 3 } });

/** Returns everything that readers take from a run folder. */
async function readersView(folder: string) {
  const fence = new AttemptFence();
  const { events } = await readAllEvents(metricsPath(folder));
  return {
    manifest: await readManifest(folder),
    events: events.filter((event) => fence.accepts(event)),
    checkpoints: await bytesIn(currentFolder(checkpointsFolder(folder))),
    evaluation: await bytesIn(currentFolder(evaluationsFolder(folder))),
  };
}

async function bytesIn(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  return Object.fromEntries(
    await Promise.all(files.map(async (path) => [path, (await readFile(path)).toString('base64')] as const)),
  );
}

/** Returns the outcome of a run without its timestamps and attempts. */
async function resultOf(folder: string): Promise<object> {
  const { manifest, events } = await readersView(folder);
  if (!manifest.ok || manifest.manifest.state.status !== 'done') throw new Error(JSON.stringify(manifest));
  const { tensors } = await readCheckpoint(lastCheckpointPath(folder));
  const settled = settledMetrics(events);
  return {
    result: { ...manifest.manifest.state.result, seconds: 0 },
    metrics: settled.map((event) => ({ ...event, time: 0, attempt: 0, seconds: 0, imagesPerSecond: 0 })),
    tensors,
  };
}

const left = async (folder: string) =>
  (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.tmp'));

/** One change of each kind, if possible in the middle of the training. */
const POINTS = [
  'link lease.1#0',
  'rename checkpoints/1#0',
  'rename run.json#0',
  'rename run.json#2',
  'write metrics.ndjson#2',
  'rename checkpoints/1/best.safetensors#0',
  'rename checkpoints/1/previous.safetensors#1',
  'rename checkpoints/1/last.safetensors#1',
  'rename evaluation/1/last/metrics.json#0',
] as const;

// Runs a program in another PID namespace. This needs permission to `unshare`: root has it, and so do users on most
// Linux machines.
describe.skipIf(!canUnshare)('a frozen trainer that was presumed dead', () => {
  let whole: object;
  beforeAll(async () => {
    const store = await mkdtemp(join(dirname(tests.trainerPath), 'whole-'));
    const folder = await queueRun(store, recipe);
    const child = spawn(process.execPath, [tests.trainerPath, folder], {
      stdio: 'ignore',
      env: { ...process.env, ...SAVES },
    });
    expect((await once(child, 'exit'))[0]).toBe(0);
    whole = await resultOf(folder);
    await rm(store, { recursive: true });
  });

  test.each(POINTS)('before its change "%s" changes nothing of the run that another finished', async (at) => {
    const folder = await queueRun(tests.store, recipe);
    const frozen = await frozenTrainer(tests, folder, at, SAVES);
    expect(await elsewhere('resume', folder)).toMatch(/(^|\n)null\n$/);
    const other = startElsewhere([tests.trainerPath, folder], SAVES);
    expect((await once(other, 'exit'))[0]).toBe(0);
    const view = await readersView(folder);
    expect(await left(folder)).toEqual([]);
    expect(await resultOf(folder)).toEqual(whole);

    frozen.child.kill('SIGCONT');
    const { code } = await frozen.exited;
    // A trainer that had not taken the run yet finds it taken.
    expect(code).toBe(at.startsWith('link') ? TRAINER_EXIT.taken : TRAINER_EXIT.fenced);
    expect(await readersView(folder)).toEqual(view);
    if (code === TRAINER_EXIT.fenced) {
      expect(frozen.output).toBe(
        `A later attempt took over ${folder}. Anything that this attempt had not written yet is discarded.\n`,
      );
    }
  });

  test.each(['rename run.json#2', 'write metrics.ndjson#2', 'rename checkpoints/1/last.safetensors#1'])(
    'before its change "%s" and wakes up next to the other does not disturb it',
    async (at) => {
      const folder = await queueRun(tests.store, recipe);
      const frozen = await frozenTrainer(tests, folder, at, SAVES);
      await elsewhere('resume', folder);
      const other = await frozenElsewhere(folder, frozen.child.pid);
      frozen.child.kill('SIGCONT');
      expect((await frozen.exited).code).toBe(TRAINER_EXIT.fenced);
      other.thaw();
      expect(await other.exited).toBe(0);
      expect(await resultOf(folder)).toEqual(whole);
      const { manifest } = await readersView(folder);
      expect(manifest).toMatchObject({ manifest: { attempt: 3, state: { status: 'done' } } });
    },
  );

  /** Starts a trainer in another PID namespace and stops it in the middle of its training. */
  async function frozenElsewhere(folder: string, besides: number | undefined) {
    const child = startElsewhere([tests.trainerPath, folder], {
      ...SAVES,
      ...frozenAt(folder, 'write metrics.ndjson#3'),
    });
    const exited = once(child, 'exit').then(([code]) => code as number | null);
    let pid = 0;
    await until(async () => {
      for (const name of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
        const read = (file: string) => readFile(`/proc/${name}/${file}`, 'utf8').catch(() => '');
        const isOwn = (await read('cmdline')).endsWith(`${tests.trainerPath}\0${folder}\0`);
        const isStopped = linuxStatIn(await read('stat'))?.state === 'T';
        if (isOwn && isStopped && Number(name) !== besides) pid = Number(name);
      }
      return pid > 0;
    });
    return { exited, thaw: () => process.kill(pid, 'SIGCONT') };
  }
});

describe.skipIf(!canUnshare)('a run that trains where its process cannot be seen', () => {
  const ENDLESS = smallRecipe({ schedule: { epochs: 100_000 } });

  test.each([
    ['', {}],
    [
      ', its clock a minute behind',
      { NODE_OPTIONS: `--require ${join(__dirname, '../../support/slowClock.cjs')}` },
    ],
  ])('continues whoever looks%s, and is reported as uncertain', async (_, env: Record<string, string>) => {
    const folder = await queueRun(tests.store, ENDLESS);
    const trainer = tests.start(folder, env);
    await trainer.reaches('step');
    // Its heartbeat advanced by its own clock.
    const { path = '' } = (await readLease(folder)) ?? {};
    const taken = (await stat(path)).mtimeMs;
    await until(async () => (await stat(path)).mtimeMs !== taken);
    const seen = JSON.parse(await elsewhere('look', folder));
    expect(seen).toMatchObject([{ manifest: { state: { status: 'running' } }, isUncertain: true }]);
    // It is visible from here.
    const run = await readRun(folder);
    expect(run).toMatchObject({ manifest: { state: { status: 'running' } } });
    expect(run).not.toHaveProperty('isUncertain');
    expect(await listRuns(tests.store)).toHaveLength(1);
    expect(trainer.child.exitCode).toBeNull();
  });

  test('is neither resumed nor deleted while it has a heartbeat', async () => {
    const folder = await queueRun(tests.store, ENDLESS);
    const trainer = tests.start(folder);
    await trainer.reaches('step');
    for (const request of ['resume', 'anew', 'delete'] as const) {
      const output = await elsewhere(request, folder, 55_000);
      expect(output).toContain('Waiting until its heartbeat changes or stays unchanged for 55 s.');
      expect(output).toContain('is running.');
    }
    expect(trainer.child.exitCode).toBeNull();
    expect((await trainer.manifest()).state.status).toBe('running');
  });

  test('is restarted once its heartbeat stopped', async () => {
    const folder = await queueRun(tests.store, ENDLESS);
    const trainer = tests.start(folder);
    await trainer.reaches('step');
    trainer.child.kill('SIGSTOP');
    const [, answer = ''] = (await elsewhere('anew', folder)).trim().split('\n');
    expect(JSON.parse(answer)).toEqual({
      moved: ['checkpoints.before-1', 'evaluation.before-1'].map((name) => join(folder, name)),
    });
    trainer.child.kill('SIGCONT');
    expect((await trainer.exited).code).toBe(TRAINER_EXIT.fenced);
  });

  test('is deleted once its heartbeat stopped', async () => {
    const folder = await queueRun(tests.store, ENDLESS);
    const trainer = tests.start(folder);
    await trainer.reaches('step');
    trainer.child.kill('SIGSTOP');
    expect(await elsewhere('delete', folder)).toMatch(/\nnull\n$/);
    expect(await listRuns(tests.store)).toEqual([]);
    trainer.child.kill('SIGCONT');
    expect((await trainer.exited).code).toBe(TRAINER_EXIT.lost);
  });
});
