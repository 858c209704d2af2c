import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { Threads } from '../../../src/training/parallel/shardedPasses';
import { copyThread } from '../trainer/trainerProcess';

/** What each thread program does in addition to the shipped one. */
const PROGRAMS = {
  asShipped: '',
  /** Answers late, with varying delays. */
  slow: `
    const answer = parentPort.postMessage.bind(parentPort);
    let answers = 0;
    let turn = Promise.resolve();
    parentPort.postMessage = (message) => {
      const waits = new Promise((resolve) => setTimeout(resolve, [40, 0, 15, 0][answers++ % 4]));
      turn = turn.then(() => waits).then(() => answer(message));
    };`,
  /** Exits in the middle of the fourth pass. */
  leaving: `
    let passes = 0;
    before(({ type }) => { if (type === 'pass' && ++passes === 4) process.exit(3); });`,
  /** Exits after it has sent the fourth pass's gradients, before it reports the batch's results. */
  breakingOff: `
    const answer = parentPort.postMessage.bind(parentPort);
    let passes = 0;
    parentPort.postMessage = (message) => {
      if (message.type === 'passed' && ++passes === 4) process.exit(3);
      answer(message);
    };`,
  /** Throws an error in the fourth pass. */
  failing: `
    let passes = 0;
    before(({ type }) => { if (type === 'pass' && ++passes === 4) throw new Error('a bit flipped'); });`,
  /**
   * Exits at an exchange of the fourth pass while the others wait for it. A pass has 9 forward and 9 backward
   * exchanges.
   */
  leavingForward: 'atExchange(3 * 18 + 4, () => process.exit(3));',
  leavingBackward: 'atExchange(3 * 18 + 13, () => process.exit(3));',
  /** Throws an error at an exchange. */
  failingBackward: "atExchange(3 * 18 + 13, () => { throw new Error('a bit flipped'); });",
  /** Ends at an exchange as if it were killed: none of its code runs anymore. */
  vanishing: `
    atExchange(3 * 18 + 4, () => {
      process.removeAllListeners('exit');
      process.exit(3);
    });`,
  /** Allocates more memory than available in the fourth pass. */
  swelling: `
    let passes = 0;
    before(({ type }) => { if (type === 'pass' && ++passes === 4) new Float32Array(2 ** 40); });`,
  /** Records the number of tensors at each answer. */
  counting: `
    const answer = parentPort.postMessage.bind(parentPort);
    parentPort.postMessage = (message) => {
      fs.appendFileSync(process.env.TENSOR_COUNTS, globalThis._tfengine.memory().numTensors + ' ');
      answer(message);
    };`,
};
export type ThreadProgram = keyof typeof PROGRAMS;

/** Returns the text of a program that wraps the shipped one at a path. */
export function threadProgram(program: ThreadProgram, shipped: string): string {
  return `
    const fs = require('node:fs');
    const { parentPort, workerData } = require('node:worker_threads');
    const before = (look) => {
      const on = parentPort.on.bind(parentPort);
      parentPort.on = (event, listen) => on(event, (message) => { look(message); listen(message); });
    };
    // In the second thread alone. A thread counts itself in at each exchange.
    const atExchange = (count, act) => {
      const { add } = Atomics;
      const { state } = workerData.memory.exchange;
      let exchanges = 0;
      Atomics.add = (array, index, value) => {
        if (workerData.index === 1 && array === state && index === 0 && ++exchanges === count) act();
        return add(array, index, value);
      };
    };
    ${PROGRAMS[program]}
    require(${JSON.stringify(shipped)});`;
}

/**
 * Copies the thread programs of a training before a file's tests. Returns a function that picks the threads to train
 * on.
 */
export function threadPrograms(): (count: number, program?: ThreadProgram) => Threads {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'threads-'));
    const shipped = join(folder, 'shipped.js');
    await copyThread(shipped);
    for (const program of Object.keys(PROGRAMS) as ThreadProgram[]) {
      await writeFile(join(folder, `${program}.js`), threadProgram(program, shipped));
    }
  });
  afterAll(() => rm(folder, { recursive: true }));
  return (count, program = 'asShipped') => ({ count, engine: 'wasm', path: join(folder, `${program}.js`) });
}
