import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { EpochEvent } from '../../../src/protocol/standing';
import { metricsPath, readManifest, trainerLogPath } from '../../../src/runs/store';
import { trainTo } from '../../../src/searches/trainTo';
import { smallRecipe } from '../../support/smallTraining';
import { copyTrainer, queueRun } from '../trainer/trainerProcess';

let trainerPath = '';
beforeAll(async () => {
  trainerPath = await copyTrainer();
});
afterAll(() => rm(dirname(trainerPath), { recursive: true }));

/**
 * The real trainer, except for its first `crashes` attempts. Each of them is killed as soon as one more epoch is in the
 * log: the first after one epoch, the second after two.
 */
const crashing = (crashes: number) => (trainer: string) =>
  `
  const fs = require('node:fs');
  const { join } = require('node:path');
  const folder = process.argv[2];
  fs.appendFileSync(join(folder, 'tries'), 'x');
  const tries = fs.statSync(join(folder, 'tries')).size;
  const log = join(folder, ${JSON.stringify(basename(metricsPath('')))});
  const epochs = () => fs.existsSync(log) ? fs.readFileSync(log, 'utf8').split('"type":"epoch"').length - 1 : 0;
  const send = process.send.bind(process);
  process.send = (...message) => {
    if (tries <= ${crashes} && epochs() >= tries) process.kill(process.pid, 'SIGKILL');
    return send(...message);
  };
  require(${JSON.stringify(trainer)});
`;

/** Trains a small run of four epochs up to the last but one. */
async function train(
  script: ((trainer: string) => string) | null,
  { threads, changes = {} }: { threads?: number; changes?: Parameters<typeof smallRecipe>[0] } = {},
) {
  const root = await mkdtemp(join(tmpdir(), 'bag-of-tricks-'));
  onTestFinished(() => rm(root, { recursive: true, force: true, maxRetries: 5 }));
  const path = script === null ? trainerPath : join(root, 'trainer.js');
  if (script !== null) await writeFile(path, script(trainerPath));
  const folder = await queueRun(root, smallRecipe({ schedule: { epochs: 4 }, ...changes }));
  const retries: number[] = [];
  const epochs: EpochEvent[] = [];
  const command = {
    nodePath: process.execPath,
    trainerPath: path,
    ...(threads !== undefined && { threads }),
  };
  const arrival = await trainTo(folder, 3, command, new AbortController().signal, {
    onEpoch: (epoch) => epochs.push(epoch),
    onRetry: (count) => retries.push(count),
  });
  const reading = await readManifest(folder);
  if (!reading.ok) throw new Error(reading.reason);
  const { manifest } = reading;
  const numbersOf = ({ epoch, validationLoss, trainLoss }: EpochEvent) => ({
    epoch,
    validationLoss,
    trainLoss,
  });
  return {
    ...{ arrival, retries, manifest, folder },
    last:
      arrival.kind === 'arrived' && epochs[0] ? numbersOf({ ...epochs.at(-1)!, ...arrival.metrics }) : null,
    epochs: epochs.map(({ epoch }) => epoch),
  };
}

describe('a run whose trainer crashes', () => {
  test('continues from its checkpoint, to exactly the numbers of an uninterrupted one', async () => {
    const whole = await train(null);
    expect(whole.last?.epoch).toBe(2);
    expect(whole.retries).toEqual([]);
    const crashed = await train(crashing(2));
    expect(crashed.retries).toEqual([1, 2]);
    expect(crashed.last).toEqual(whole.last);
    expect(crashed.manifest.state.status).toBe('paused');
  });

  test('fails at its fourth crash', async () => {
    const { arrival, retries, manifest, folder } = await train(() => 'process.exit(7);');
    expect(retries).toEqual([1, 2, 3]);
    expect(arrival).toMatchObject({ kind: 'failed' });
    expect(manifest.state.status).toBe('failed');
    expect(await readFile(metricsPath(folder), 'utf8')).toContain('"failed"');
  });

  test('fails at once if its trainer says why', async () => {
    const { arrival, retries } = await train(null, { changes: { engine: 'tensorflow-gpu' } });
    expect(retries).toEqual([]);
    expect(arrival).toMatchObject({ kind: 'failed', reason: expect.stringContaining('tensorflow-gpu') });
  });
});

test('a run that is paused before its trainer starts stays untrained, and reports no fault', async () => {
  const root = await mkdtemp(join(tmpdir(), 'bag-of-tricks-'));
  onTestFinished(() => rm(root, { recursive: true, force: true, maxRetries: 5 }));
  const command = { nodePath: process.execPath, trainerPath };
  const listener = { onEpoch: () => {}, onRetry: () => {} };
  // The pause arrives some turns of the event loop later each time, until it meets a trainer.
  for (let turns = 0, hasTrainer = false; !hasTrainer; turns += 1 + Math.floor(turns / 8)) {
    const folder = await queueRun(root, smallRecipe({ schedule: { epochs: 20_000 } }));
    const pause = new AbortController();
    const arrival = trainTo(folder, 20_000, command, pause.signal, listener);
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
    pause.abort();
    expect(await arrival, `after ${turns} turns`).toEqual({ kind: 'paused' });
    hasTrainer = existsSync(trainerLogPath(folder));
  }
});

test('a run that shares the machine computes on its share of the threads', async () => {
  const { manifest } = await train(null, { threads: 1 });
  expect(manifest.engine?.threads).toBe(1);
});
