import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createRun } from '../../../src/runs/store';
import { experimentText } from '../../support/smallTraining';
import { exampleRecipe } from '../runs/support';
import { tricksTests } from './tricks';

const work = tricksTests();

describe.runIf(process.platform === 'linux')('under low limits of a process', () => {
  it('lists every run, with few open files allowed', async () => {
    const { folder, shell } = await work();
    await mkdir(join(folder, 'work'));
    for (let run = 0; run < 100; run++) {
      const creation = await createRun(folder, {
        experimentFile: join(folder, 'a.experiment.yaml'),
        experimentText: 'name: a\n',
        recipe: exampleRecipe(),
        versions: {},
        createdAt: run * 1000,
      });
      expect(creation.ok).toBe(true);
    }
    const { code, stdout } = await shell('ulimit -n 40; exec $TRICKS runs --json');
    expect(code).toBe(0);
    const states = JSON.parse(stdout).map(({ state }: { state: { status: string } }) => state?.status);
    expect(states).toEqual(Array(100).fill('queued'));
  });

  it('reports that address space ran out, how much there is, and how to raise the limit', async () => {
    const { write, shell } = await work();
    await write('a.yaml', experimentText());
    const { code, stderr } = await shell('ulimit -v 8000000; exec $TRICKS run a.yaml --engine wasm');
    expect(code).toBe(1);
    expect(stderr).toContain(
      'There is not enough address space: this process may use 7.63 GiB, and WebAssembly reserves about 10 GB per thread.\n' +
        'Raise the limit (ulimit -v unlimited), then run again.',
    );
  });

  it('reports it too if a thread finds no room', async () => {
    const { write, shell } = await work();
    await write('a.yaml', experimentText());
    const threads = await shell(
      'export BAG_OF_TRICKS_THREADS=2; ulimit -v 20000000; exec $TRICKS run a.yaml --engine wasm',
    );
    expect(threads).toMatchObject({ code: 1, stderr: expect.stringContaining('may use 19.1 GiB') });
    expect(threads.stderr).not.toContain('Reinstall');
  });
});
