import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, inject } from 'vitest';
import type { CommandRecipe } from '../../../src/recipe/commandRecipe';
import { processesWithVariables } from '../../../src/system/processes';
import { queueRun, TrainerProcess } from '../trainer/trainerProcess';

/** The first lines of every script: functions that print and write like a training program. */
const PRELUDE = `
  const fs = require('node:fs');
  const { join } = require('node:path');
  const folder = process.env.BAG_OF_TRICKS_RUN;
  const say = (line) => fs.writeSync(1, (typeof line === 'string' ? line : JSON.stringify(line)) + '\\n');
  const stay = () => setInterval(() => {}, 1000);
`;

export interface CommandTests {
  /** The path of the trainer's bundle. */
  readonly trainerPath: string;
  /** A folder for each test's runs and scripts. */
  readonly store: string;
  /** Queues a run of a Node script, which prints our JSON lines. Returns the run's folder. */
  script(source: string, changes?: Partial<CommandRecipe>): Promise<string>;
  /** Queues a run of a command. */
  queue(changes: Partial<CommandRecipe>): Promise<string>;
  /** Starts a trainer on a queued run, and ends it with the test. */
  start(folder: string, env?: Readonly<Record<string, string>>): TrainerProcess;
  endWith(end: () => Promise<unknown>): void;
}

export function commandRecipe(changes: Partial<CommandRecipe> = {}): CommandRecipe {
  return {
    ...{ kind: 'command', version: 1, name: 'command', tricks: [], seed: 1, system: 'generic' },
    ...{ command: ['node', 'train.cjs'], workingDirectory: '.', environment: {} },
    metrics: { kind: 'json_lines', path: null },
    ...{ checkpoint: null, resume: null, epochs: null, model: null, dataset: null },
    ...changes,
  };
}

/** Copies the trainer before a file's tests and removes everything that they leave. */
export function commandTests(): CommandTests {
  let trainerPath = '';
  let store = '';
  const ends: (() => Promise<unknown>)[] = [];
  beforeAll(async () => {
    trainerPath = join(await mkdtemp(join(tmpdir(), 'command-trainer-')), 'commandTrainer.js');
    await copyFile(join(inject('bundles'), 'commandTrainer.js'), trainerPath);
  });
  afterAll(() => rm(dirname(trainerPath), { recursive: true }));
  beforeEach(async () => {
    store = await mkdtemp(join(tmpdir(), 'store-'));
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
    await rm(store, { recursive: true });
  });
  const queue = (changes: Partial<CommandRecipe>) => queueRun(store, commandRecipe(changes));
  return {
    get trainerPath() {
      return trainerPath;
    },
    get store() {
      return store;
    },
    queue,
    async script(source, changes) {
      await writeFile(join(store, 'train.cjs'), PRELUDE + source);
      return queue({ command: [process.execPath, 'train.cjs'], ...changes });
    },
    start(folder, env) {
      const trainer = new TrainerProcess(trainerPath, folder, env);
      ends.push(() => trainer.end());
      return trainer;
    },
    endWith(end) {
      ends.push(end);
    },
  };
}

/** The processes that a trainer started that are no commands. */
export async function guardsOf(trainer: TrainerProcess): Promise<number[]> {
  const { pid } = trainer.child;
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  const commands = await processesWithVariables({ BAG_OF_TRICKS_RUN: trainer.folder });
  return children
    .split(' ')
    .filter((text) => text.trim() !== '')
    .map(Number)
    .filter((child) => !commands.includes(child));
}
