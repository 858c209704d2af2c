import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { loadEngine } from '../../../src/backends/index';
import { engineStates } from '../../../src/engines/choice';
import { diagnose } from '../../../src/engines/doctor';
import { linesOf } from '../../../src/engines/doctorText';
import { formatStates, formatText, slowFormatText } from '../../../src/engines/formats';
import { ADDON, findInstallations, RECORD } from '../../../src/engines/installations';
import { cachedStepProbe, knownStepProbe } from '../../../src/engines/probeCache';
import { probeSteps, type StepProbe, stepProbeSchema } from '../../../src/engines/stepProbe';
import measured from '../../fixtures/formats/avx512fp16.json';
import { layEngine } from './layEngine';

const [installed] = findInstallations('tensorflow');
const SLOW = stepProbeSchema.parse(measured);
const FLOAT16_TEXT =
  'A step in float16 takes 14 times as long as in float32 here: oneDNN has no fast kernel for its filter gradient. It is emulated instead, and a step takes 1.8 times as long.';

describe('judging formats by the times of whole training steps', () => {
  test('emulates one with a slow filter gradient, with figure and reason, though its forward pass is fast', () => {
    expect(SLOW.float16?.partsMs.forward).toBeLessThan(SLOW.float32.partsMs.forward);
    const [bfloat16, float16] = formatStates(SLOW);
    expect(float16).toEqual({
      format: 'float16',
      execution: 'emulated',
      timesFloat32: expect.closeTo(14, 10),
      timesEmulated: expect.closeTo(1.8, 10),
      slowPart: 'filterGradient',
    });
    expect(float16 && slowFormatText(float16)).toBe(FLOAT16_TEXT);
    expect(bfloat16).toMatchObject({ execution: 'native', slowPart: null });
    expect(bfloat16 && slowFormatText(bfloat16)).toBeNull();
    expect(bfloat16 && formatText(bfloat16)).toBe(
      'A step in bfloat16 takes 0.67 times as long as in float32.',
    );
  });

  test('computes in one that is a little slower, and says so', () => {
    const [state] = formatStates({
      ...SLOW,
      bfloat16: { ...SLOW.float32, stepMs: 1.3 * SLOW.float32.stepMs },
    });
    expect(state).toMatchObject({ execution: 'native' });
    expect(state && slowFormatText(state)).toMatch(
      /^A step in bfloat16 takes 1\.3 times as long as in float32 here: .*\.$/,
    );
  });

  test('emulates one that the library does not compute in, and says nothing about unknown ones', () => {
    const [, state] = formatStates({ ...SLOW, float16: null });
    expect(state).toMatchObject({ execution: 'emulated', timesFloat32: null });
    expect(state && slowFormatText(state)).toBe(
      'float16 is emulated here, and a step takes 1.8 times as long as in float32: the processor and the library have no native support for it.',
    );
    expect(formatStates(null)).toEqual([]);
  });
});

describe.runIf(installed)('tensorflow on this processor', () => {
  const folder = mkdtempSync(join(tmpdir(), 'formats-'));
  const before = process.env.BAG_OF_TRICKS_ENGINES;
  afterAll(() => {
    process.env.BAG_OF_TRICKS_ENGINES = before;
    rmSync(folder, { recursive: true, force: true });
  });

  test('has its training steps timed, in its own process', async () => {
    const probe = (await probeSteps(installed?.addonPath as string)) as StepProbe;
    for (const step of [probe.float32, probe.bfloat16, probe.float16, probe.emulated]) {
      const { forward = 0, inputGradient = 0, filterGradient = 0, rest = 0 } = step?.partsMs ?? {};
      const sum = forward + inputGradient + filterGradient + rest;
      expect(sum).toBeLessThanOrEqual(step?.stepMs ?? 0);
      expect(sum).toBeGreaterThan(0.5 * (step?.stepMs ?? 0) - 1e-9);
    }
  });

  test('is null if the addon does not answer', async () => {
    expect(await probeSteps('/nowhere/addon.node')).toBeNull();
  });

  test('emulates the formats that are slower, and says so at the start and in the doctor', async () => {
    const engines = join(folder, 'engines');
    const own = join(engines, 'tensorflow');
    mkdirSync(own, { recursive: true });
    layEngine(installed?.folder as string, own);
    copyFileSync(join(installed?.folder as string, RECORD), join(own, RECORD));
    process.env.BAG_OF_TRICKS_ENGINES = engines;
    const places = { workspace: '/', managed: engines };
    const addonPath = join(own, ADDON);
    const probe = await cachedStepProbe(addonPath);
    const file = join(engines, 'probes.json');
    // As on a processor that has both formats but no kernel for float16's filter gradient. bfloat16 too, which most
    // processors have.
    const cache = JSON.parse(readFileSync(file, 'utf8'));
    expect(cache[`${addonPath} steps`].probe).toEqual(probe);
    expect(await knownStepProbe(addonPath)).toEqual(probe);
    cache[`${addonPath} steps`].probe = { ...SLOW, bfloat16: SLOW.float16 };
    writeFileSync(file, JSON.stringify(cache));

    const states = await engineStates(places);
    const formats = states.find(({ name }) => name === 'tensorflow')?.formats;
    expect(formats?.map(({ execution }) => execution)).toEqual(['emulated', 'emulated']);
    const lines = linesOf(await diagnose(places));
    expect(lines).toContain(`  ${FLOAT16_TEXT}`);
    expect(lines).toContain(`  ${FLOAT16_TEXT.replace('float16', 'bfloat16')}`);

    const engine = await loadEngine('tensorflow', places);
    expect(engine.halfFormats).toEqual([]);
    // Another addon is unknown until it is timed.
    utimesSync(addonPath, 1, 1);
    expect(await knownStepProbe(addonPath)).toBeNull();
    if (probe?.bfloat16)
      expect(engine.slowFormats?.bfloat16).toBe(FLOAT16_TEXT.replace('float16', 'bfloat16'));
  });
});
