import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RunPredictor } from '../../../src/runs/predictor';

// test/unit/cli/predict.test.ts tests the program's real answers.

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'predictor-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** Starts a program instead of the predictor. */
async function start(script: string | null) {
  const predictorPath = join(folder, 'predictor.js');
  if (script !== null) await writeFile(predictorPath, script);
  return RunPredictor.start(folder, { weights: 'best' }, { nodePath: process.execPath, predictorPath });
}

const READY = `process.send({ type: 'ready', epoch: null, classNames: ['cat'] });`;

describe('a predictor says why it cannot answer', () => {
  test('if its program is missing', async () => {
    await expect(start(null)).rejects.toMatchObject({
      failure: { what: expect.stringContaining('predictor.js does not exist.') },
    });
  });

  test('if there is no Node to run it', async () => {
    await writeFile(join(folder, 'predictor.js'), '');
    const started = RunPredictor.start(
      folder,
      { weights: 'best' },
      { nodePath: join(folder, 'no-node'), predictorPath: join(folder, 'predictor.js') },
    );
    await expect(started).rejects.toMatchObject({
      failure: {
        what: expect.stringContaining('could not be started'),
        remedy: expect.stringContaining('no-node'),
      },
    });
  });

  test('if it exits before it is ready', async () => {
    await expect(start(`console.error('no engine'); process.exit(3);`)).rejects.toMatchObject({
      failure: { what: 'The prediction process exited with code 3.', log: 'no engine' },
    });
  });

  test('if it exits in the middle of its work, also to later requests', async () => {
    const { predictor } = await start(`${READY}
      process.on('message', ({ paths }) => {
        process.send({ type: 'classified', result: { ok: true, path: paths[0], classes: [] } });
        process.kill(process.pid, 'SIGKILL');
      });`);
    const classified: string[] = [];
    const failure = { what: 'The prediction process was killed by SIGKILL.' };
    const all = predictor.classify(['a', 'b'], 1, ({ path }) => classified.push(path));
    await expect(all).rejects.toMatchObject({ failure });
    expect(classified).toEqual(['a']);
    await expect(predictor.test()).rejects.toMatchObject({ failure });
  });

  test('if a request fails, after which the next one is answered', async () => {
    const { predictor, ready } = await start(`${READY}
      process.on('message', ({ type }) => {
        process.send(type === 'test'
          ? { type: 'failed', failure: { what: 'None.', remedy: 'Some.' } }
          : { type: 'done' });
      });
      process.once('disconnect', () => process.exit());`);
    expect(ready.classNames).toEqual(['cat']);
    await expect(predictor.test()).rejects.toMatchObject({ failure: { what: 'None.', remedy: 'Some.' } });
    await predictor.classify([], 1, () => {});
    predictor.close();
  });
});
