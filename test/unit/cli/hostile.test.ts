import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { experimentText } from '../../support/smallTraining';
import { tricksTests } from './tricks';

const work = tricksTests();

/** Sets a terminal's title and its clipboard, turns letters round, clears the screen, adds a line. */
const HOSTILE = '\u001b]0;owned\u0007\u009b2J\u202e\u001b]52;c;ZXZpbA==\u001b\\\nerror: made up';
const OBEYED = /(?![\n\t])\p{Cc}|[\u202a-\u202e\u2066-\u2069]/u;

/** A run whose name, failure, experiment file and version are hostile, in a folder that is. */
async function hostileRun() {
  const place = await work();
  await place.write('a.yaml', experimentText({ name: 'a' }));
  expect(await place.tricks(['run', 'a.yaml'])).toMatchObject({ code: 0 });
  const runs = join(place.folder, '.bag-of-tricks/runs');
  const [id = ''] = await readdir(runs);
  const path = join(runs, id, 'run.json');
  const manifest = JSON.parse(await readFile(path, 'utf8'));
  const failure = { what: HOSTILE, remedy: HOSTILE };
  for (const name of await readdir(join(runs, id))) {
    // What a lease left would count for more.
    if (name.startsWith('lease.')) await writeFile(join(runs, id, name), '{}');
  }
  await writeFile(
    path,
    JSON.stringify({
      ...manifest,
      attempt: 9,
      name: HOSTILE,
      experiment: { file: HOSTILE, text: HOSTILE },
      versions: { [HOSTILE]: HOSTILE },
      engine: { name: 'wasm', description: HOSTILE, because: [HOSTILE] },
      state: { status: 'failed', failure },
    }),
  );
  await mkdir(join(runs, 'broken\u001b[2J\u202e'));
  return { ...place, id };
}

describe('names and texts that a terminal would obey', () => {
  it.each([
    ['runs', (id: string) => [['runs'], ['runs', '--json'], ['show', id], ['show', id, '--json']]],
    ['queue', (id: string) => [['queue'], ['queue', 'cancel', id], ['stop', id], ['pause', id]]],
    [
      'export',
      (id: string) => [
        ['export', id, '--recipe', 'timm'],
        ['export', id, '--onnx', 'a.onnx'],
        ['predict', id, `no${HOSTILE}`],
      ],
    ],
    [
      'files',
      () => [
        ['run', HOSTILE],
        ['resolve', `a${HOSTILE}.yaml`],
        ['show', HOSTILE],
        ['resume', HOSTILE],
        [HOSTILE],
      ],
    ],
  ])('are shown, not obeyed: %s', async (_, commands) => {
    const { tricks, id } = await hostileRun();
    for (const args of commands(id)) {
      const { stdout, stderr } = await tricks(args);
      expect(stdout + stderr).not.toMatch(OBEYED);
      expect(stdout + stderr).not.toBe('');
      // No line of its own.
      expect(`${stdout}\n${stderr}`.split('\n')).not.toContain('error: made up');
      if (args.includes('--json')) expect(() => JSON.parse(stdout)).not.toThrow();
    }
  });
});
