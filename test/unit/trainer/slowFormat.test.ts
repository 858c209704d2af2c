import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ADDON, findInstallations, RECORD } from '../../../src/engines/installations';
import { cachedStepProbe } from '../../../src/engines/probeCache';
import measured from '../../fixtures/formats/avx512fp16.json';
import { smallRecipe } from '../../support/smallTraining';
import { layEngine } from '../engines/layEngine';
import { queueRun, trainerTests } from './trainerProcess';

const tests = trainerTests();
const [installed] = findInstallations('tensorflow');

test.runIf(installed)('a run in a slow format emulates it, and its log says so with the figure', async () => {
  const engines = mkdtempSync(join(tmpdir(), 'slow-format-'));
  onTestFinished(() => rmSync(engines, { recursive: true, force: true }));
  const own = join(engines, 'tensorflow');
  mkdirSync(own);
  layEngine(installed?.folder as string, own);
  copyFileSync(join(installed?.folder as string, RECORD), join(own, RECORD));
  const addonPath = join(own, ADDON);
  const file = join(engines, 'probes.json');
  const probe = await cachedStepProbe(addonPath, undefined, file);
  // bfloat16 gets the fixture's float16 times, because most processors support bfloat16.
  const cache = JSON.parse(readFileSync(file, 'utf8'));
  cache[`${addonPath} steps`].probe = { ...measured, bfloat16: measured.float16 };
  writeFileSync(file, JSON.stringify(cache));

  const recipe = smallRecipe({
    engine: 'tensorflow',
    schedule: { epochs: 1 },
    tricks: { mixed_precision: { dtype: 'bfloat16' } },
  });
  const trainer = await tests.start(await queueRun(tests.store, recipe), { BAG_OF_TRICKS_ENGINES: engines });
  expect(await trainer.exited).toEqual({ code: 0, signal: null });
  const events = await trainer.events();
  expect(events[0]).toMatchObject({
    engine: { halfFormats: [] },
    precision: { compute: 'bfloat16', execution: 'emulated' },
  });
  // If the processor lacks the format, nothing is reported: it is emulated anyway.
  const said = events.flatMap((event) => (event.type === 'preparing' ? [event.what] : []));
  const wanted = expect.stringMatching(
    /^A step in bfloat16 takes 14 times as long as in float32 here: .*filter gradient\./,
  );
  if (probe?.bfloat16) expect(said).toContainEqual(wanted);
});
