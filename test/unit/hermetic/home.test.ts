import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import envPaths from 'env-paths';
import { describe, expect, it, onTestFinished } from 'vitest';
import { enginesEnvironment } from '../../../scripts/lib/engines.mjs';
import { softwareGpuEnvironment } from '../../../scripts/lib/gpu.mjs';
import { productVariables, waysOutOfHome } from '../../../scripts/lib/home.mjs';
import { root } from '../../../scripts/lib/processes.mjs';
import type { Diagnosis } from '../../../src/engines/doctor';
import { ADDON, RECORD } from '../../../src/engines/installations';

const run = promisify(execFile);

describe('a test', () => {
  it('has a temporary home', async () => {
    expect(waysOutOfHome(process.env)).toEqual([]);
    expect(homedir()).toBe(process.env.HOME);
    for (const folder of Object.values(envPaths('bag-of-tricks'))) {
      expect(
        [homedir(), tmpdir()].some((own) => folder.startsWith(own)),
        folder,
      ).toBe(true);
    }
    expect((await stat(homedir())).isDirectory()).toBe(true);
  });

  it('inherits no variables of the product except those that the test runner sets', () => {
    expect(productVariables(process.env)).toEqual(
      productVariables({ ...enginesEnvironment, ...softwareGpuEnvironment() }),
    );
  });
});

/** Prints its environment, after it has moved to its own home if requested. */
const PROGRAM = `
  const { moveToOwnHome } = await import(${JSON.stringify(pathToFileURL(join(root, 'scripts/lib/home.mjs')))});
  if (process.argv[1] === 'move') moveToOwnHome();
  console.log(JSON.stringify(process.env));
`;

describe('an engine and a data set that a person has installed', () => {
  /**
   * Returns the environment of a person who has engines installed, and `tricks doctor`'s report on the engine there.
   */
  async function diagnosedBy(how: 'move' | 'stay'): Promise<{ env: NodeJS.ProcessEnv; engine: unknown }> {
    const home = await mkdtemp(join(tmpdir(), 'bag-of-tricks-person-'));
    onTestFinished(() => rm(home, { recursive: true }));
    const [data, cache] = [join(home, '.local/share'), join(home, '.cache')];
    const engine = join(data, 'bag-of-tricks/engines/tensorflow');
    await mkdir(engine, { recursive: true });
    await writeFile(join(engine, ADDON), 'not an addon');
    await writeFile(join(engine, RECORD), '{}');
    await mkdir(join(cache, 'bag-of-tricks/fashion-mnist'), { recursive: true });
    const person = {
      PATH: process.env.PATH,
      ...{ HOME: home, XDG_DATA_HOME: data, XDG_CACHE_HOME: cache },
      ...{ USERPROFILE: home, APPDATA: data, LOCALAPPDATA: data },
      BAG_OF_TRICKS_ENGINES: join(data, 'bag-of-tricks/engines'),
      BAG_OF_TRICKS_DATA: join(cache, 'bag-of-tricks'),
      BAG_OF_TRICKS_CACHE: join(cache, 'bag-of-tricks'),
    };
    const told = await run(process.execPath, ['--input-type=module', '--eval', PROGRAM, how], {
      env: person,
      cwd: root,
    });
    const env: NodeJS.ProcessEnv = JSON.parse(told.stdout);
    const doctor = await run(process.execPath, [join(root, 'dist/tricks.js'), 'doctor', '--json'], {
      env,
      cwd: tmpdir(),
    });
    const { engines }: Diagnosis = JSON.parse(doctor.stdout);
    return { env, engine: engines.find(({ name }) => name === 'tensorflow')?.status };
  }

  it.runIf(process.platform === 'linux')('are found by the person', async () => {
    const { env, engine } = await diagnosedBy('stay');
    expect(engine).toBe('broken');
    expect(waysOutOfHome(env)).not.toEqual([]);
  });

  it('are not found by a test', async () => {
    const { env, engine } = await diagnosedBy('move');
    expect(engine).toBe('missing');
    expect(waysOutOfHome(env)).toEqual([]);
    expect(productVariables(env)).toEqual({});
    // Downloads of scripts and tests are kept in the person's own cache.
    expect(env.BAG_OF_TRICKS_TEST_CACHE).toMatch(/bag-of-tricks$/);
  });

  it('leaves nothing when its process ends', async () => {
    const { env } = await diagnosedBy('move');
    await expect(stat(env.HOME ?? '')).rejects.toThrow('ENOENT');
  });
});
