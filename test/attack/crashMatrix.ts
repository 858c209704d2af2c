/**
 * Kills a trainer at every change that it makes to its run folder, resumes the run, and compares the outcome with an
 * uninterrupted run. Metrics, weights and result must be bit-identical, and no unfinished file may remain.
 *
 *     node test/attack/run.mjs crashMatrix ENGINE FORMAT [kill|resume|freeze ...]
 *
 * Examples: `wasm float32`, `tensorflow float16`. `kill` kills the trainer of a new run. `resume` kills the trainer of
 * a run that resumes from a checkpoint. `freeze` stops the trainer, has another one finish the run in a separate PID
 * namespace, and then continues the first (this needs a user who may call `unshare`). The default is all three. Takes
 * some minutes and prints the number of points. Exits with 1 if any point failed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { AttemptFence } from '../../src/protocol/attempts';
import { settledMetrics } from '../../src/protocol/fold';
import { savePeriodVariables, TRAINER_EXIT } from '../../src/protocol/trainer';
import { lastCheckpointPath, readCheckpoint } from '../../src/runs/checkpoint';
import { HeartbeatWatch } from '../../src/runs/lease/heartbeats';
import { readAllEvents } from '../../src/runs/log';
import { makeReady } from '../../src/runs/queue';
import { markInterrupted } from '../../src/runs/stopping';
import { changeState, createRun, metricsPath, readManifest } from '../../src/runs/store';
import { linuxStatIn } from '../../src/system/processes';
import { smallRecipe } from '../support/smallTraining';

const TRAINER = join(__dirname, 'trainer.js');
const PRELOAD = join(__dirname, '../../test/support/folderChanges.cjs');
const UNSHARE = ['--pid', '--fork', '--kill-child', '--mount-proc'];

type Attack = 'kill' | 'resume' | 'freeze';

async function main([engine = 'wasm', format = 'float32', ...named]: readonly string[]): Promise<number> {
  // How a program in another PID namespace resumes a run: see `resumeElsewhere`.
  if (engine === '--make-ready') {
    const failure = await makeReady(format, { watch: new HeartbeatWatch(600) });
    return failure ? 1 : 0;
  }
  const attacks = named.length > 0 ? (named as Attack[]) : (['kill', 'resume', 'freeze'] as const);
  const store = await mkdtemp(join(tmpdir(), 'crash-matrix-'));
  try {
    const matrix = new CrashMatrix(store, engine, format);
    await matrix.prepare();
    let failures = 0;
    for (const attack of attacks) failures += await matrix.run(attack);
    return failures > 0 ? 1 : 0;
  } finally {
    await rm(store, { recursive: true, force: true });
  }
}

class CrashMatrix {
  #whole: object = {};
  #runs = 0;

  constructor(
    private readonly store: string,
    private readonly engine: string,
    private readonly format: string,
  ) {}

  /** Trains a run without interruption. */
  async prepare(): Promise<void> {
    const folder = await this.#queue();
    const code = await train(folder);
    if (code !== 0) throw new Error(`${this.engine} in ${this.format} does not train: exit code ${code}`);
    this.#whole = await resultOf(folder);
  }

  /** Attacks every change and returns the number of failed points. */
  async run(attack: Attack): Promise<number> {
    const list = join(this.store, `${attack}.txt`);
    await this.#begin(attack, { TEST_CHANGES: list });
    const changes = (await readFile(list, 'utf8')).trimEnd().split('\n');
    let failures = 0;
    const left = [...changes.entries()];
    const work = async () => {
      for (let point = left.shift(); point; point = left.shift()) {
        const [number, change] = point;
        const problem = await this.#attack(attack, number).catch(String);
        if (problem === null) continue;
        failures += 1;
        console.log(`${attack} at ${number}, ${change}: ${problem}`);
      }
    };
    await Promise.all(Array.from({ length: availableParallelism() }, work));
    console.log(
      `${this.engine} ${this.format} ${attack}: ${changes.length} points, ${changes.length - failures} equal to the bit`,
    );
    return failures;
  }

  /** Returns what went wrong, or null if nothing did. */
  async #attack(attack: Attack, number: number): Promise<string | null> {
    const folder = await this.#begin(attack, {
      TEST_AT: `${number}`,
      TEST_ACT: attack === 'freeze' ? 'stop' : 'kill',
    });
    if (attack === 'freeze') return this.#compareFrozen(folder);
    await markInterrupted(folder);
    const { manifest } = (await readManifest(folder)) as { manifest?: { state: { status: string } } };
    if (manifest?.state.status === 'done') {
      // The trainer was killed after it reported that it was done. Whoever started it releases its lease.
      await changeState(folder, () => null);
    } else {
      const failure = await makeReady(folder);
      if (failure) return failure.what;
      const code = await train(folder);
      if (code !== 0) return `resumed, it left with ${code}`;
    }
    return this.#compare(folder);
  }

  async #compareFrozen(folder: string): Promise<string | null> {
    const frozen = this.#frozen.get(folder);
    if (!frozen) return 'it did not freeze';
    try {
      if ((await elsewhere([__filename, '--make-ready', folder])) === 0) {
        const code = await elsewhere([TRAINER, folder]);
        if (code !== 0) return `resumed elsewhere, it left with ${code}`;
      }
      const before = await resultOf(folder);
      frozen.kill('SIGCONT');
      const [code] = await once(frozen, 'exit');
      // A trainer that had not begun finds the run taken. One that had already ended it reports done.
      const { fenced, taken, done } = TRAINER_EXIT;
      if (code !== fenced && code !== taken && code !== done) return `thawed, it left with ${code}`;
      if (!isDeepStrictEqual(await resultOf(folder), before)) return 'the thawed trainer changed the run';
      return this.#compare(folder);
    } finally {
      frozen.kill('SIGKILL');
    }
  }

  async #compare(folder: string): Promise<string | null> {
    if (!isDeepStrictEqual(await resultOf(folder), this.#whole)) return 'the result is another';
    const names = await readdir(folder, { recursive: true });
    const dead = names.filter((name) => name.endsWith('.tmp') || /^reserve/.test(name));
    return dead.length > 0 ? `left behind: ${dead.join(', ')}` : null;
  }

  readonly #frozen = new Map<string, ReturnType<typeof spawn>>();

  /** Starts the trainer under attack, waits until it has ended or stopped, and returns the run folder. */
  async #begin(attack: Attack, env: NodeJS.ProcessEnv): Promise<string> {
    const folder = await this.#queue();
    if (attack === 'resume') {
      await train(folder, attackVariables(folder, { TEST_AT: 'write metrics.ndjson#3', TEST_ACT: 'kill' }));
      await markInterrupted(folder);
      await makeReady(folder);
    }
    const child = startTrainer(folder, attackVariables(folder, env));
    const exited = once(child, 'exit');
    if (env.TEST_ACT !== 'stop') {
      await exited;
      return folder;
    }
    let hasExited = false;
    void exited.then(() => (hasExited = true));
    while (!hasExited && linuxStatIn(await readFile(`/proc/${child.pid}/stat`, 'utf8'))?.state !== 'T') {
      await delay(5);
    }
    this.#frozen.set(folder, child);
    return folder;
  }

  async #queue(): Promise<string> {
    const precision = this.format === 'float32' ? {} : { mixed_precision: { dtype: this.format } };
    const recipe = smallRecipe({
      engine: this.engine,
      data: { augment: 'crop_flip' },
      schedule: { epochs: 3, decay: 'cosine' },
      tricks: { ema: true, mixup: true, ...precision },
    });
    this.#runs += 1;
    const creation = await createRun(this.store, {
      experimentFile: join(this.store, 'small.experiment.yaml'),
      experimentText: 'name: small\n',
      recipe,
      versions: {},
      createdAt: this.#runs * 1000,
    });
    if (!creation.ok) throw new Error(creation.failure.what);
    return creation.folder;
  }
}

function attackVariables(folder: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { NODE_OPTIONS: `--require ${PRELOAD}`, TEST_FOLDER: folder, ...env };
}

function startTrainer(folder: string, env: NodeJS.ProcessEnv = {}) {
  return spawn(process.execPath, [TRAINER, folder], { stdio: 'ignore', env: { ...environment, ...env } });
}

const environment = { ...process.env, ...savePeriodVariables({ steps: 3 }) };

async function train(folder: string, env: NodeJS.ProcessEnv = {}): Promise<number | null> {
  const [code] = await once(startTrainer(folder, env), 'exit');
  return code;
}

/** Runs a Node program in another PID namespace and returns its exit code. */
async function elsewhere(args: readonly string[]): Promise<number | null> {
  const command = [...UNSHARE, process.execPath, ...args];
  const [code] = await once(spawn('unshare', command, { stdio: 'ignore', env: environment }), 'exit');
  return code;
}

/** Returns the outcome of a run without its timestamps and attempts. */
async function resultOf(folder: string): Promise<object> {
  const reading = await readManifest(folder);
  if (!reading.ok || reading.manifest.state.status !== 'done') throw new Error(JSON.stringify(reading));
  const fence = new AttemptFence();
  const { events } = await readAllEvents(metricsPath(folder));
  const metrics = settledMetrics(events.filter((event) => fence.accepts(event)));
  return {
    result: { ...reading.manifest.state.result, seconds: 0 },
    metrics: metrics.map((event) => ({ ...event, time: 0, attempt: 0, seconds: 0, imagesPerSecond: 0 })),
    tensors: (await readCheckpoint(lastCheckpointPath(folder))).tensors,
  };
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
