import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { chooseEngine, type EngineState, engineStates } from '../../../src/engines/choice';
import { type Adapter, adapterName, findDawn, isSoftware, SOFTWARE_GPU } from '../../../src/engines/dawn';
import { explainDawnError, explainNoAdapter, probeDawn } from '../../../src/engines/dawnProbe';
import { diagnose } from '../../../src/engines/doctor';
import { linesOf } from '../../../src/engines/doctorText';
import { cachedDawnProbe } from '../../../src/engines/probeCache';

const adapter = (facts: Partial<Adapter>): Adapter => ({
  vendor: '',
  architecture: '',
  device: '',
  description: '',
  isFallbackAdapter: false,
  ...facts,
});

const dawn = findDawn() ?? '';
const onSwiftShader = dawn !== '' && Boolean(process.env[SOFTWARE_GPU]);

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('an adapter', () => {
  it.each([
    [
      'SwiftShader',
      { vendor: 'google', architecture: 'swiftshader', description: 'SwiftShader driver 5.0.0' },
    ],
    ['llvmpipe', { vendor: 'mesa', description: 'llvmpipe (LLVM 15.0.6, 256 bits)' }],
    ['WARP', { vendor: 'microsoft', description: 'Microsoft Basic Render Driver' }],
    ['one that says so itself', { vendor: 'acme', description: 'Acme', isFallbackAdapter: true }],
  ])('that is %s is software', (_name, facts) => {
    expect(isSoftware(adapter(facts))).toBe(true);
  });

  it.each([
    ['NVIDIA H100 80GB HBM3', { vendor: 'nvidia', architecture: 'hopper' }],
    ['AMD Radeon RX 7900 XTX (RADV NAVI31)', { vendor: 'amd', architecture: 'rdna-3' }],
    ['Intel(R) Arc(tm) A770 Graphics (DG2)', { vendor: 'intel', architecture: 'xe-hpg' }],
    ['Apple M3', { vendor: 'apple', architecture: 'metal-3' }],
  ])('that is %s is a GPU of that name', (description, facts) => {
    expect(isSoftware(adapter({ ...facts, description }))).toBe(false);
    expect(adapterName(adapter({ ...facts, description }))).toBe(description);
  });

  it('has the name of its maker if it has no other', () => {
    expect(adapterName(adapter({ vendor: 'arm', architecture: 'valhall' }))).toBe('arm valhall');
  });
});

describe.runIf(dawn !== '')('a probe of Dawn', () => {
  it.runIf(onSwiftShader)('computes, and names the adapter', async () => {
    expect(await probeDawn(dawn)).toMatchObject({
      outcome: 'computed',
      adapter: { description: expect.stringContaining('SwiftShader'), isFallbackAdapter: true },
    });
  });

  it.runIf(onSwiftShader)('reports that Vulkan has no driver', async () => {
    vi.stubEnv('VK_ICD_FILENAMES', '/nowhere.json');
    const probe = await probeDawn(dawn);
    expect(probe).toMatchObject({ outcome: 'none', reason: 'No GPU was found: Vulkan has no driver.' });
  });

  it('reports a library that is not one', async () => {
    const path = join(temporaryFolder(), 'dawn.node');
    writeFileSync(path, 'not a library');
    const probe = await probeDawn(path);
    expect(probe).toMatchObject({
      outcome: 'broken',
      reason: "Dawn's file is damaged, or was built for another system.",
      remedy: 'Install the Bag of Tricks package for this system.',
    });
  });

  it.runIf(process.platform === 'linux')('survives a crashing driver', async () => {
    const path = join(temporaryFolder(), 'dawn.node');
    const source =
      '#include <signal.h>\n__attribute__((constructor)) static void load(void) { raise(SIGSEGV); }';
    execFileSync('cc', ['-shared', '-fPIC', '-x', 'c', '-', '-o', path], { input: source });
    expect(await probeDawn(path)).toEqual({
      outcome: 'broken',
      reason: 'It crashed the process (SIGSEGV).',
      remedy: "Update the GPU's driver.",
    });
  });

  it.runIf(onSwiftShader)('is cached if it computed, until the drivers change', async () => {
    const file = join(temporaryFolder(), 'probes.json');
    const probe = () => cachedDawnProbe(dawn, undefined, file);
    expect(await probe()).toMatchObject({ outcome: 'computed' });
    writeFileSync(file, readFileSync(file, 'utf8').replace('SwiftShader driver', 'remembered'));
    expect(await probe()).toMatchObject({ adapter: { description: expect.stringMatching(/^remembered/) } });
    vi.stubEnv('VK_ICD_FILENAMES', '/nowhere.json');
    expect(await probe()).toMatchObject({ outcome: 'none' });
    vi.unstubAllEnvs();
    expect(await probe()).toMatchObject({ adapter: { description: expect.stringMatching(/^remembered/) } });
  });
});

describe('what Dawn says', () => {
  it.each([
    ['External buffers are not allowed', 'The Node.js built into VS Code cannot read the results of a GPU.'],
    ['Device is lost\n    at Queue', 'Dawn failed: Device is lost'],
  ])('of %j is explained', (message, what) => {
    expect(explainDawnError(message).what).toBe(what);
  });

  it("names the setting that gives VS Code's trainer another Node", () => {
    expect(explainDawnError('External buffers are not allowed').remedy).toContain('bagOfTricks.nodePath');
  });

  it.each([
    [
      "Warning: Couldn't load Vulkan: libvulkan.so.1: cannot open shared object file",
      /libvulkan\.so\.1 is missing\.$/,
    ],
    ['Warning: vkCreateInstance: Found no drivers!', /Vulkan has no driver\.$/],
    ['', /^No GPU was found\.$/],
  ])('without an adapter, %j, is explained', (output, reason) => {
    expect(explainNoAdapter(output).reason).toMatch(reason);
  });
});

describe('auto', () => {
  const state = (name: EngineState['name'], status: EngineState['status']): EngineState => ({
    name,
    status,
    detail: `${name}.`,
    remedy: null,
    folder: null,
  });

  it('prefers a GPU over the processor, and says so', () => {
    const states = [state('webgpu', 'works'), state('tensorflow', 'works'), state('wasm', 'works')];
    expect(chooseEngine(states)).toEqual({ engine: 'webgpu', because: ['webgpu works. webgpu.'] });
  });

  it.runIf(onSwiftShader)('never takes a software adapter, even if one may be used', async () => {
    const states = await engineStates({ workspace: '/', managed: temporaryFolder() });
    expect(states.find(({ name }) => name === 'webgpu')).toEqual({
      name: 'webgpu',
      status: 'refused',
      detail: expect.stringMatching(/^There is no GPU, only the software adapter SwiftShader .*\.$/),
      remedy: null,
      folder: null,
    });
    expect(chooseEngine(states).engine).toBe('wasm');
  });
});

describe.runIf(onSwiftShader)('the doctor', () => {
  it('says why webgpu is not used, and recommends no driver if there is no GPU', async () => {
    const places = { workspace: '/', managed: temporaryFolder() };
    const diagnosis = await diagnose(places);
    const line = linesOf(diagnosis).find((each) => each.startsWith('webgpu: '));
    expect(line).toMatch(/^webgpu: refused\. There is no GPU, only the software adapter SwiftShader .*\.$/);
    vi.stubEnv('VK_ICD_FILENAMES', '/nowhere.json');
    const { engines, gpus, faster } = await diagnose(places);
    const webgpu = engines.find(({ name }) => name === 'webgpu');
    expect(webgpu).toMatchObject({ status: 'missing', remedy: expect.stringContaining('driver') });
    if (gpus.length === 0) expect(faster).not.toContain('driver');
    else expect(faster).toContain('driver');
  });
});

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'dawn-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}
