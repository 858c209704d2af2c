import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadEngine } from '../../../src/backends/index';
import { ADDON, findInstallations } from '../../../src/engines/installations';
import { probeAddon } from '../../../src/engines/probe';
import { UserError } from '../../../src/shared/userError';

/** A real installation, broken in one way. A loaded engine stays in the process, so no engine may load here. */
const [installed] = findInstallations('tensorflow');

describe.runIf(installed)('a broken installation of tensorflow', () => {
  let engines: string;
  let folder: string;

  beforeEach(() => {
    engines = mkdtempSync(join(tmpdir(), 'engines-'));
    folder = join(engines, 'tensorflow');
    mkdirSync(folder);
    const whole = installed?.folder as string;
    for (const file of readdirSync(whole)) {
      // The libraries are large, so they are linked. The addon is copied because it looks for them next to its real
      // path.
      if (file === ADDON) copyFileSync(join(whole, file), join(folder, file));
      else symlinkSync(join(whole, file), join(folder, file));
    }
    vi.stubEnv('BAG_OF_TRICKS_ENGINES', engines);
  });

  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(engines, { recursive: true });
  });

  it('names the missing library', async () => {
    rmSync(join(folder, 'libtensorflow_framework.so.2'));
    const { reason, remedy } = await failure();
    expect(reason).toBe(`The library libtensorflow_framework.so.2 is missing from ${folder}.`);
    expect(remedy).toBe('Reinstall it with "tricks engine install tensorflow".');
  });

  it('names the function that another version of a library lacks', async () => {
    compile('int TF_Nothing(void) { return 0; }', join(folder, 'libtensorflow_cc.so.2'));
    const { reason, remedy } = await failure();
    expect(reason).toMatch(
      /^The addon and the library in .* have different versions: TFE?_\w+ is missing\.$/,
    );
    expect(remedy).toContain('tricks engine install');
  });

  it('reports a damaged file', async () => {
    truncateSync(join(folder, ADDON), 40);
    expect((await failure()).reason).toBe(
      `A file in ${folder} is damaged, or was built for another kind of processor.`,
    );
  });

  it('reports an addon built for another Node', async () => {
    // An addon outside Node's stable interface does this when it is loaded.
    const source = `
      struct module { int version; unsigned flags; void *handle; const char *file; void *init; void *contextInit;
        const char *name; void *data; void *next; };
      static struct module self = { 1, 0, 0, "old.c", 0, 0, "old", 0, 0 };
      void node_module_register(void *);
      __attribute__((constructor)) static void load(void) { node_module_register(&self); }`;
    compile(source, join(folder, ADDON));
    expect((await failure()).reason).toBe(
      `The addon in ${folder} was built for a Node version other than ${process.version}.`,
    );
  });

  it('reports a missing addon', async () => {
    rmSync(join(folder, ADDON));
    expect((await failure()).reason).toBe(`${folder} has no addon: its installation did not finish.`);
  });

  it('reports that nothing is installed, and how to install it', async () => {
    rmSync(folder, { recursive: true });
    const { reason, remedy } = await failure();
    expect(reason).toBe('It is not installed.');
    expect(remedy).toContain('tricks engine install tensorflow');
  });

  it('a probe survives a crashing addon', async () => {
    compile(
      '#include <signal.h>\n__attribute__((constructor)) static void load(void) { raise(SIGSEGV); }',
      join(folder, ADDON),
    );
    expect(await probeAddon(join(folder, ADDON))).toEqual({
      ok: false,
      reason: 'It crashed the process (SIGSEGV).',
      loadError: null,
      timedOut: false,
    });
  });

  it('a package of the workspace comes first, with its addon if it has one', async () => {
    const workspace = mkdtempSync(join(tmpdir(), 'workspace-'));
    const inPackages = join(workspace, 'node_modules/@tensorflow/tfjs-node');
    mkdirSync(inPackages, { recursive: true });
    writeFileSync(
      join(inPackages, 'package.json'),
      '{ "name": "@tensorflow/tfjs-node", "version": "4.22.0" }',
    );
    const found = findInstallations('tensorflow', { workspace, managed: engines });
    expect(found.map(({ origin, addonPath }) => [origin, addonPath])).toEqual([
      ['workspace', null],
      ['managed', join(folder, ADDON)],
    ]);
    mkdirSync(join(inPackages, 'lib/napi-v8'), { recursive: true });
    writeFileSync(join(inPackages, 'lib/napi-v8', ADDON), '');
    const [first] = findInstallations('tensorflow', { workspace, managed: engines });
    expect(first?.addonPath).toBe(join(inPackages, 'lib/napi-v8', ADDON));
    rmSync(workspace, { recursive: true });
  });
});

/** Returns why tensorflow does not load here. */
async function failure(): Promise<{ reason: string; remedy: string }> {
  const error = await loadEngine('tensorflow').then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UserError);
  const { what, remedy } = (error as UserError).failure;
  const [, reason = ''] = /^The engine "tensorflow" could not be loaded: (.*)$/s.exec(what) ?? [];
  return { reason, remedy };
}

/** Compiles C to a shared library that replaces the existing file. */
function compile(source: string, output: string): void {
  rmSync(output, { force: true });
  execFileSync('cc', ['-shared', '-fPIC', '-w', '-x', 'c', '-', '-o', output], { input: source });
}
