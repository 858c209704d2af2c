import { mkdir } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { experimentText } from '../../support/smallTraining';
import { until } from '../runs/support';
import { tricksTests } from './tricks';

const work = tricksTests();
const FILE = 'my file.yaml';

/** The commands that an output tells a person to type. */
const commandsIn = (output: string) =>
  output.split('\n').flatMap((line) => /: (tricks [^;]+)$/.exec(line)?.[1] ?? []);

describe('a printed command can be typed as it is', () => {
  it.each([
    ['where runs are kept here', ''],
    ['where runs are kept elsewhere', " --folder 'the runs'"],
  ])('%s', async (_, option) => {
    const { shell: typed, write, folder } = await work();
    await mkdir(`${folder}/the runs`);
    await write(FILE, experimentText({ schedule: '{ epochs: 1 }' }));
    const ran = await typed(`tricks run '${FILE}'${option}`);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    const after = commandsIn(ran.stdout);
    expect(after.map((command) => command.split(' ')[1])).toEqual(['show', 'predict', 'export']);
    for (const command of after.filter((each) => !each.includes('IMAGE'))) {
      expect(await typed(command)).toMatchObject({ code: 0, stderr: '' });
    }

    await typed(`tricks queue add '${FILE}'${option} --seed 7`);
    const found = await typed(
      `tricks lr-find '${FILE}'${option} --steps 40 --seed 3 --set data.batch_size=8`,
    );
    const [tryIt = ''] = commandsIn(found.stdout);
    expect(tryIt).toMatch(/ --seed 3 --set data\.batch_size=8( --folder \S+ \S+)? --set optimizer\.base_lr=/);
    expect(await typed(`${tryIt} --set schedule.epochs=1`)).toMatchObject({ code: 0, stderr: '' });
  });

  it('to resume a stopped run', async () => {
    const { start, tricks, write, shell, folder } = await work();
    await write(FILE, experimentText({ schedule: '{ epochs: 100000 }' }));
    const running = start(['run', FILE, '--folder', 'elsewhere', '--json']);
    await until(async () => running.stdout().includes('"step"'));
    const stopped = await tricks(['stop', 'last', '--folder', `${folder}/elsewhere`]);
    await running.outcome;
    const [again = ''] = commandsIn(stopped.stdout);
    expect(again).toMatch(/^tricks resume \S+-small --folder elsewhere$/);
    expect(running.stderr()).toContain(`To resume: ${again}`);
    const allowed = await shell(`${again} --help`);
    expect(allowed.code).toBe(0);
  });
});

it('a queued run gets the same seed and engine as one that starts at once', async () => {
  const { tricks, write, manifest } = await work();
  await write(FILE, experimentText());
  const added = await tricks(['queue', 'add', FILE, '--seed', '7', '--engine', 'cpu']);
  expect(added).toMatchObject({ code: 0, stderr: '' });
  expect((await manifest()).recipe).toMatchObject({ seed: 7, engine: 'cpu' });
  const resolved = await tricks(['resolve', FILE, '--seed', '7', '--engine', 'cpu']);
  expect(JSON.parse(resolved.stdout)).toEqual((await manifest()).recipe);
});
