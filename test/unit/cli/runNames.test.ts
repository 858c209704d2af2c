import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { experimentText } from '../../support/smallTraining';
import { tricksTests } from './tricks';

const workplace = tricksTests();

/** The arguments that a command needs, in addition to a run's name, to get as far as looking it up. */
const FURTHER: Readonly<Record<string, readonly string[]>> = { export: ['--recipe', 'timm'] };

type Tricks = Awaited<ReturnType<ReturnType<typeof tricksTests>>>['tricks'];

/** Returns the commands whose help says that they take a run, with the rest of their arguments. */
async function commandsOfRuns(tricks: Tricks, group: readonly string[] = []): Promise<string[][]> {
  const { stdout } = await tricks([...group, '--help']);
  return [...stdout.matchAll(/^ {2}(\w+) \[options\] <run>(.*)$/gm)].map(([, name = '', rest = '']) => [
    ...group,
    name,
    ...(rest
      .match(/^(?: <\S+>)*/)?.[0]
      .trim()
      .split(' ')
      .filter(Boolean) ?? []),
  ]);
}

describe('an empty name', () => {
  it.each(['', ' '])('matches no run for any command, in a store of one run (%j)', async (empty) => {
    const { folder, tricks, write } = await workplace();
    await write('one.experiment.yaml', experimentText());
    expect((await tricks(['queue', 'add', 'one.experiment.yaml'])).code).toBe(0);
    const [id = ''] = await readdir(join(folder, '.bag-of-tricks/runs'));
    const manifest = join(folder, '.bag-of-tricks/runs', id, 'run.json');
    const before = await readFile(manifest, 'utf8');

    const commands = [...(await commandsOfRuns(tricks)), ...(await commandsOfRuns(tricks, ['queue']))];
    const names = commands.map((words) => words.filter((word) => !word.startsWith('<')).join(' '));
    expect(names).toEqual(expect.arrayContaining(['show', 'stop', 'resume', 'queue move', 'queue cancel']));
    expect(names.length).toBeGreaterThanOrEqual(9);
    const outcomes = await Promise.all(
      commands.map(async (words) => {
        const command = words.filter((word) => !word.startsWith('<'));
        const others = words.filter((word) => word.startsWith('<')).map(() => '1');
        const args = [...command, empty, ...others, ...(FURTHER[command.join(' ')] ?? [])];
        const { code, stdout, stderr } = await tricks(args);
        return {
          name: command.join(' '),
          code,
          stdout,
          saysSo: stderr.includes('The name of the run is empty.'),
        };
      }),
    );
    expect(outcomes).toEqual(names.map((name) => ({ name, code: 2, stdout: '', saysSo: true })));
    expect(await readFile(manifest, 'utf8')).toBe(before);
  });
});

it('an unknown name matches no run, and neither does a path out of the store', async () => {
  const { folder, tricks } = await workplace();
  await mkdir(join(folder, '.bag-of-tricks/runs/torn'), { recursive: true });
  await writeFile(join(folder, 'run.json'), '{}');
  for (const name of ['other', '.', '..', '../..']) {
    const { code, stderr } = await tricks(['show', name]);
    expect({ code, saysSo: stderr.includes(`There is no run ${name} in`) }).toEqual({
      code: 2,
      saysSo: true,
    });
  }
});
