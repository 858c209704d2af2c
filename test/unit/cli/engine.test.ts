import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Mirror, mirror } from '../data/mirror';
import { tricksTests } from './tricks';

const workplace = tricksTests();

describe.each(['SIGINT', 'SIGTERM'] as const)('tricks engine install, interrupted by %s', (signal) => {
  test('exits with 130, even if the server does not answer, and keeps the previous installation', async () => {
    const { start, folder, write } = await workplace();
    let asked = () => {};
    const request = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const { url }: Mirror = await mirror(() => asked());
    await write('note.txt', 'before');
    const env = {
      ...{ BAG_OF_TRICKS_ENGINES: join(folder, 'engines'), npm_config_registry: url, PIP_INDEX_URL: url },
    };
    const { process, outcome } = start(['engine', 'install', 'tensorflow', '--from', 'wheel'], { env });
    await request;
    const ended = once(process, 'exit');
    process.kill(signal);
    expect(await ended).toEqual([130, null]);
    const { code, stderr } = await outcome;
    expect([code, stderr]).toEqual([130, 'Nothing was installed.\n']);
    expect(await readdir(join(folder, 'engines'))).toEqual([]);
  });
});
