import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { Threads } from '../../../src/training/parallel/shardedPasses';
import { buildThread } from '../trainer/trainerProcess';

/** What a thread's program does beside what the one that ships does. */
const PROGRAMS = {
  asShipped: '',
  /** Answers late, now by more and now by less. */
  slow: `
    const answer = parentPort.postMessage.bind(parentPort);
    let answers = 0;
    let turn = Promise.resolve();
    parentPort.postMessage = (message) => {
      const waits = new Promise((resolve) => setTimeout(resolve, [40, 0, 15, 0][answers++ % 4]));
      turn = turn.then(() => waits).then(() => answer(message));
    };`,
  /** Leaves in the middle of the fourth pass. */
  leaving: `
    let passes = 0;
    before(({ type }) => { if (type === 'pass' && ++passes === 4) process.exit(3); });`,
  /** Leaves when it has given the fourth pass's gradients, before it says how the batch did. */
  breakingOff: `
    const answer = parentPort.postMessage.bind(parentPort);
    let passes = 0;
    parentPort.postMessage = (message) => {
      if (message.type === 'passed' && ++passes === 4) process.exit(3);
      answer(message);
    };`,
  /** Meets an error in the fourth pass. */
  failing: `
    let passes = 0;
    before(({ type }) => { if (type === 'pass' && ++passes === 4) throw new Error('a bit flipped'); });`,
  /** Leaves at an exchange of the fourth pass, of 9 forward and 9 backward, for which the others wait. */
  leavingForward: 'atExchange(3 * 18 + 4, () => process.exit(3));',
  leavingBackward: 'atExchange(3 * 18 + 13, () => process.exit(3));',
  /** Meets an error at one. */
  failingBackward: "atExchange(3 * 18 + 13, () => { throw new Error('a bit flipped'); });",
  /** Ends at one as if it were killed: nothing of it runs any more. */
  vanishing: `
    atExchange(3 * 18 + 4, () => {
      process.removeAllListeners('exit');
      process.exit(3);
    });`,
  /** Asks for more memory than there is in the fourth pass. */
  swelling: `
    let passes = 0;
    before(({ type }) => { if (type === 'pass' && ++passes === 4) new Float32Array(2 ** 40); });`,
  /** Writes down how many tensors there are at each answer. */
  counting: `
    const answer = parentPort.postMessage.bind(parentPort);
    parentPort.postMessage = (message) => {
      fs.appendFileSync(process.env.TENSOR_COUNTS, globalThis._tfengine.memory().numTensors + ' ');
      answer(message);
    };`,
};
export type ThreadProgram = keyof typeof PROGRAMS;

/** The text of a program around the one that ships, at a path. */
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

/** Bundles the program of a training's threads before a file's tests; says on which threads to train. */
export function threadPrograms(): (count: number, program?: ThreadProgram) => Threads {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'threads-'));
    const shipped = join(folder, 'shipped.js');
    await buildThread(shipped);
    for (const program of Object.keys(PROGRAMS) as ThreadProgram[]) {
      await writeFile(join(folder, `${program}.js`), threadProgram(program, shipped));
    }
  });
  afterAll(() => rm(folder, { recursive: true }));
  return (count, program = 'asShipped') => ({ count, engine: 'wasm', path: join(folder, `${program}.js`) });
}
