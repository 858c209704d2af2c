import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { chooseEngine, engineStates } from '../../../src/engines/choice';
import { diagnose } from '../../../src/engines/doctor';
import { linesOf } from '../../../src/engines/doctorText';
import { ADDON, findInstallations, type Installation } from '../../../src/engines/installations';
import { cachedProbe } from '../../../src/engines/probeCache';
import { layEngine } from './layEngine';

const [installed] = findInstallations('tensorflow');

describe('the choice of an engine', () => {
  it('is wasm if nothing else is installed, and names what would be faster', async () => {
    const [gpu, webgpu, ...states] = await engineStates({ workspace: '/', managed: temporaryFolder() });
    expect([gpu?.name, webgpu?.name]).toEqual(['tensorflow-gpu', 'webgpu']);
    expect(states.map(({ name, status }) => [name, status])).toEqual([
      ['tensorflow', 'missing'],
      ['wasm', 'works'],
    ]);
    expect(states[0]?.remedy).toBe('Install tensorflow with "tricks engine install tensorflow".');
    expect(chooseEngine(states)).toEqual({
      engine: 'wasm',
      because: [
        'tensorflow would be faster. It is not installed. Install tensorflow with "tricks engine install tensorflow".',
        'wasm works. WebAssembly, included in the package.',
      ],
    });
  });

  it.runIf(installed)('is tensorflow if it computes', async () => {
    const { engine, because } = chooseEngine(await engineStates());
    expect(engine).toBe('tensorflow');
    expect(because.at(-1)).toMatch(/^tensorflow works\. TensorFlow 2\.\d+\.\d+ on /);
  });

  it('skips a broken one', async () => {
    const managed = temporaryFolder();
    mkdirSync(join(managed, 'tensorflow'));
    writeFileSync(join(managed, 'tensorflow/engine.json'), '{}');
    writeFileSync(join(managed, 'tensorflow', ADDON), 'not an addon');
    const states = await engineStates({ workspace: '/', managed });
    const tensorflow = states.find(({ name }) => name === 'tensorflow');
    expect(tensorflow).toMatchObject({ status: 'broken', detail: expect.stringContaining('is damaged') });
    expect(chooseEngine(states).engine).toBe('wasm');
  });
});

describe.runIf(installed)('a probe', () => {
  it('is cached until the addon changes', async () => {
    const folder = temporaryFolder();
    layEngine(installed?.folder as string, folder);
    const addonPath = join(folder, ADDON);
    const installation = { ...(installed as Installation), folder, addonPath };
    const file = join(folder, 'probes.json');
    const probe = () => cachedProbe(installation, undefined, file);
    const first = await probe();
    expect(first).toMatchObject({
      ok: true,
      tensorflow: expect.any(String),
      gpu: { used: expect.any(Boolean) },
    });

    writeFileSync(file, readFileSync(file, 'utf8').replace('"tensorflow": "', '"tensorflow": "remembered '));
    expect(await probe()).toMatchObject({ tensorflow: expect.stringMatching(/^remembered /) });
    utimesSync(addonPath, 1, 1);
    expect(await probe()).toEqual(first);

    writeFileSync(file, 'damaged');
    expect(await probe()).toEqual(first);
  });
});

describe('the doctor', () => {
  it('reports Node, the machine, each engine, and the choice of auto', async () => {
    const diagnosis = await diagnose({ workspace: '/', managed: temporaryFolder() });
    expect(diagnosis.node.abi).toBe(process.versions.modules);
    const lines = linesOf(diagnosis);
    expect(lines[0]).toContain(`Node ${process.versions.node}, ABI ${process.versions.modules}`);
    expect(lines).toContain('tensorflow: missing. It is not installed.');
    expect(lines).toContain('wasm: works. WebAssembly, included in the package.');
    expect(lines).toContain('auto uses wasm.');
    expect(lines.at(-1)).toContain('tricks engine install tensorflow');
  });

  it.runIf(installed)('suggests nothing faster than an engine that works', async () => {
    const { faster, auto } = await diagnose();
    expect([auto.engine, faster]).toEqual(['tensorflow', null]);
  });
});

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'engines-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}
