import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadEngine } from '../../../src/backends/index';
import { engineStates } from '../../../src/engines/choice';
import { diagnose } from '../../../src/engines/doctor';
import { installEngine } from '../../../src/engines/install/install';
import { ADDON, findInstallations, RECORD } from '../../../src/engines/installations';
import { findDriver } from '../../../src/engines/nvidia';
import type { InstallProgress } from '../../../src/protocol/install';
import { UserError } from '../../../src/shared/userError';
import { deadMirror } from '../data/mirror';
import { layEngine } from './layEngine';

const [installed] = findInstallations('tensorflow');

/**
 * TensorFlow's CPU library replaces the GPU library, next to fake drivers. Real processes load both, and neither finds
 * a GPU.
 */
describe.runIf(installed && process.platform === 'linux')('tensorflow-gpu', () => {
  let folder: string;
  const managed = () => join(folder, 'engines');
  const places = () => ({ workspace: '/', managed: managed() });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'gpu-'));
    const engine = join(managed(), 'tensorflow-gpu');
    mkdirSync(engine, { recursive: true });
    const whole = installed?.folder as string;
    layEngine(whole, engine);
    const record = JSON.parse(readFileSync(join(whole, RECORD), 'utf8'));
    const versions = { ...record.versions, 'nvidia-cuda-runtime-cu12': '12.9.79' };
    writeFileSync(join(engine, RECORD), JSON.stringify({ ...record, engine: 'tensorflow-gpu', versions }));
    vi.stubEnv('BAG_OF_TRICKS_ENGINES', managed());
    vi.stubEnv('LD_LIBRARY_PATH', [folder, process.env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter));
    vi.stubEnv('PATH', [folder, process.env.PATH].join(delimiter));
  });

  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });

  it('is an error when named if TensorFlow sees no GPU, and auto skips it with that reason', async () => {
    driver('int cuInit(unsigned flags) { return 100; }');
    smi('No devices were found');
    expect((await failure()).reason).toBe('TensorFlow sees no GPU.');
    const [state] = await engineStates(places());
    expect(state).toMatchObject({
      name: 'tensorflow-gpu',
      status: 'missing',
      detail: 'TensorFlow sees no GPU.',
    });
    expect((await loadEngine('auto', places())).name).toBe('wasm');
    // A GPU that is added later must be found.
    const memory = join(managed(), 'probes.json');
    expect(existsSync(memory) ? readFileSync(memory, 'utf8') : '').not.toContain(ADDON);
  });

  it("reports that NVIDIA's driver does not load", async () => {
    writeFileSync(join(folder, 'libcuda.so.1'), 'not a library');
    expect((await failure()).reason).toMatch(
      /^The NVIDIA driver does not load: .*libcuda\.so\.1: file too short\.$/,
    );
  });

  // If the kernel reports a driver, the kernel's report takes precedence.
  it.runIf(!existsSync('/proc/driver/nvidia/version'))(
    'reports that the driver is too old, also before anything is downloaded',
    async () => {
      driver('int cuInit(unsigned flags) { return 0; }');
      smi('Tesla K80, 11441, 470.256.02');
      const old = 'The NVIDIA driver is too old: it is 470.256.02, but 525.60.13 is needed.';
      const { reason, remedy } = await failure();
      expect([reason, remedy]).toEqual([old, 'Update the NVIDIA driver to 525.60.13 or newer.']);
      const { gpus, engines } = await diagnose(places());
      expect(gpus[0]).toEqual({ name: 'Tesla K80', memoryBytes: 11441 * 2 ** 20, driver: '470.256.02' });
      expect(engines[0]).toMatchObject({ name: 'tensorflow-gpu', detail: old });
      const url = await deadMirror();
      const installing = installEngine('tensorflow-gpu', {
        folder,
        indexes: { python: url, npm: url, storage: url },
        allowUnverified: true,
      });
      await expect(installing).rejects.toMatchObject({ failure: { what: old } });
    },
  );

  it.runIf(!existsSync('/proc/driver/nvidia/version'))(
    'uses the prebuilt addon only for a GPU that it knows, and if the system has its CUDA',
    async () => {
      driver('int cuInit(unsigned flags) { return 0; }');
      const gpu = (model: string, capability: string) =>
        smiScript(
          `case "$1" in *compute_cap*) echo ${capability};; *) echo '${model}, 81559, 550.54.15';; esac`,
        );
      gpu('NVIDIA H100', '9.0');
      expect(await whyNotPrebuilt()).toBe(
        'TensorFlow 2.9.1 is too old for this GPU: it supports compute capability 8.6 at most, but this GPU has 9.0.',
      );
      gpu('NVIDIA A40', '8.6');
      expect(await whyNotPrebuilt()).toBe(
        'TensorFlow 2.9.1 needs libcudart.so.11.0 from the system, but it does not load.',
      );
    },
  );

  it('reports that there is no driver, and how to install it anyway', async ({ skip }) => {
    skip((await findDriver()).loadError === null, 'this machine has a driver');
    const what = 'There is no NVIDIA driver: libcuda.so.1 is missing.';
    expect((await failure()).reason).toBe(what);
    const url = await deadMirror();
    const install = (withoutGpu: boolean) =>
      installEngine('tensorflow-gpu', {
        folder,
        withoutGpu,
        indexes: { python: url, npm: url, storage: url },
        allowUnverified: true,
      });
    await expect(install(false)).rejects.toMatchObject({
      failure: { what, remedy: expect.stringContaining('--without-gpu') },
    });
    await expect(install(true)).rejects.toMatchObject({
      failure: { what: expect.stringContaining('ECONNREFUSED') },
    });
  });

  function driver(source: string): void {
    const output = join(folder, 'libcuda.so.1');
    execFileSync('cc', ['-shared', '-fPIC', '-w', '-x', 'c', '-', '-o', output], { input: source });
  }

  /** Installs a fake nvidia-smi that gives this answer to every query. */
  function smi(answer: string): void {
    smiScript(`echo '${answer}'`);
  }

  function smiScript(script: string): void {
    writeFileSync(join(folder, 'nvidia-smi'), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, 'nvidia-smi'), 0o755);
  }

  /** Returns why the wheel is tried immediately. */
  async function whyNotPrebuilt(): Promise<string> {
    const url = await deadMirror();
    const seen: InstallProgress[] = [];
    const installing = installEngine('tensorflow-gpu', {
      folder,
      indexes: { python: url, npm: url, storage: url },
      allowUnverified: true,
      onProgress: (progress) => seen.push(progress),
    });
    // Next, the wheel is tried.
    await expect(installing).rejects.toMatchObject({
      failure: { what: expect.stringContaining('tfjs-node-4.22.0.tgz') },
    });
    expect(seen).toEqual([{ stage: 'instead', source: 'wheel', why: expect.any(String) }]);
    return (seen[0] as Extract<InstallProgress, { stage: 'instead' }>).why;
  }
});

/** Returns why tensorflow-gpu does not load here. */
async function failure(): Promise<{ reason: string; remedy: string }> {
  const error = await loadEngine('tensorflow-gpu').then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UserError);
  const { what, remedy } = (error as UserError).failure;
  const [, reason = ''] = /^The engine "tensorflow-gpu" could not be loaded: (.*)$/s.exec(what) ?? [];
  return { reason, remedy };
}
