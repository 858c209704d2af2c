import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, onTestFinished } from 'vitest';
import type { QueuedRun } from '../../../src/runs/queue';
import { QueueWorker } from '../../../src/runs/queueWorker';
import { startRun } from '../../../src/runs/supervisor';
import type { TrainerCommand } from '../../../src/runs/trainerCommand';
import { choosePlan, newRecord, readSource, type StudySource } from '../../../src/studies/planning';
import type { StudyRecord } from '../../../src/studies/record';
import { createStudy, type ReadableStudy } from '../../../src/studies/store';
import { type StudyHost, StudyWorker } from '../../../src/studies/worker';
import type { ReadStudy } from '../../../src/study/file/study';
import { copyTrainer } from '../trainer/trainerProcess';

/** A one-second experiment that learns something: synthetic images of three classes. */
export const EXPERIMENT = `name: tiny
data: { dataset: synthetic, train_images: 128, validation_images: 60, height: 8, width: 8, classes: 3, batch_size: 16 }
model: { name: resnet8, width: 2 }
optimizer: { name: sgd, base_lr: 0.1 }
schedule: { epochs: 3, decay: cosine }
engine: wasm
`;

export const STUDY = `name: which
experiment: tiny.experiment.yaml
factors: [zero_gamma, label_smoothing]
budget: { runs: 8 }
at_once: 1
stop: never
`;

/** Returns a study source in the store of `root`, with the given texts. */
export function sourceIn(root: string, texts: { study?: string; experiment?: string } = {}): StudySource {
  return {
    file: join(root, 'which.study.yaml'),
    text: texts.study ?? STUDY,
    experiment: { file: join(root, 'tiny.experiment.yaml'), text: texts.experiment ?? EXPERIMENT },
  };
}

/** Reads a source without problems. */
export function read(root: string, source: StudySource): ReadStudy {
  const parsed = readSource(root, source);
  if (!parsed.ok) throw new Error(JSON.stringify('problems' in parsed ? parsed.problems : parsed.why));
  return parsed;
}

/** Creates a new study in the store of `root`. */
export async function studyIn(
  root: string,
  texts: Parameters<typeof sourceIn>[1] = {},
  changes: Partial<StudyRecord> = {},
): Promise<ReadableStudy> {
  const source = sourceIn(root, texts);
  const parsed = read(root, source);
  const { study } = parsed;
  const runs = 'runs' in study.budget ? study.budget.runs : 8;
  return createStudy(root, { ...newRecord(root, source, parsed, choosePlan(parsed, runs)), ...changes });
}

const noTest = () => Promise.reject(new Error('No test images'));

/** Builds the trainer before a file's tests. Creates a store for each test, and programs that run studies in it. */
export function studyTests() {
  let trainerPath = '';
  let root = '';
  const ends: (() => Promise<unknown>)[] = [];
  beforeAll(async () => {
    trainerPath = await copyTrainer();
  });
  afterAll(() => rm(dirname(trainerPath), { recursive: true }));
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'studies-'));
  });
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
    await rm(root, { recursive: true, maxRetries: 5 });
  });
  return {
    get root() {
      return root;
    },
    get trainerPath() {
      return trainerPath;
    },
    /** Replaces the trainer with a script for this test. */
    async replaceTrainer(script: string) {
      const before = trainerPath;
      trainerPath = join(root, 'trainer.js');
      await writeFile(trainerPath, script);
      onTestFinished(() => {
        trainerPath = before;
      });
    },
    /** A program that runs a study and works through the queue: all of it, or only the runs of one group. */
    program(folder: string, changes: Partial<StudyHost> = {}, group?: string) {
      const start = (run: string, more: Partial<TrainerCommand> = {}) =>
        startRun(run, { nodePath: process.execPath, trainerPath, ...more });
      const takes = ({ terms }: QueuedRun) => group === undefined || terms.group === group;
      const queue = new QueueWorker(root, () => ({ atOnce: 1, retries: 1, takes }), start);
      const worker = new StudyWorker(root, folder, {
        ...{ start, versions: { bagOfTricks: '0' }, measuresCosts: false, test: noTest },
        ...changes,
      });
      ends.push(async () => {
        queue.close();
        worker.stop();
        await Promise.all([...queue.handles.values()].map((handle) => handle.kill()));
      });
      return { queue, worker };
    },
  };
}
