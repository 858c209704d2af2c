/**
 * The content of files, folders and runs reaches a terminal as plain text, whatever the command: no control character
 * takes effect.
 */
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { experimentText } from '../../support/smallTraining';
import { type Outcome, tricksTests } from './tricks';

const work = tricksTests();

/** Sets the title, the clipboard and a color, clears the screen, reverses the text direction, and forges a line. */
const HOSTILE =
  '\u001b]0;title\u0007\u001b]52;c;cm0=\u0007\u001b[8m\u001b[2J\u009b31m\u202etxt\u2066\nFORGED: all is well\r';
const ONE_LINE = HOSTILE.replace('\n', '').replace('\r', '');

function expectPlain({ stdout, stderr }: Outcome, command: string): void {
  for (const output of [stdout, stderr]) {
    expect(output.replaceAll('\n', ''), command).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
    expect(
      output.split('\n').filter((line) => line.startsWith('FORGED')),
      command,
    ).toEqual([]);
  }
}

it.skipIf(process.platform === 'win32')(
  'no command prints the control characters of a name, a class or a failure',
  async () => {
    const { folder, tricks, write } = await work();
    await write('small.experiment.yaml', experimentText({ schedule: '{ epochs: 1 }' }));
    const trained = await tricks(['run', 'small.experiment.yaml']);
    expect(trained.code).toBe(0);
    const runs = join(folder, '.bag-of-tricks/runs');
    const [id = ''] = await readdir(runs);
    const manifest = JSON.parse(await readFile(join(runs, id, 'run.json'), 'utf8'));
    manifest.name = manifest.recipe.name = HOSTILE;
    manifest.experiment.file = `/tmp/${HOSTILE}.yaml`;
    manifest.engine.description = HOSTILE;
    manifest.engine.because = [HOSTILE];
    const evaluation = join(runs, id, 'evaluation');
    for (const name of await readdir(evaluation, { recursive: true })) {
      if (!name.endsWith('.json')) continue;
      const text = await readFile(join(evaluation, name), 'utf8');
      await writeFile(join(evaluation, name), text.replaceAll('"T-shirt/top"', JSON.stringify(HOSTILE)));
    }
    const failed = `failed-${ONE_LINE.replaceAll('/', '')}`;
    const written = `line-${HOSTILE}`;
    for (const name of [failed, written]) await cp(join(runs, id), join(runs, name), { recursive: true });
    await writeFile(join(runs, id, 'run.json'), JSON.stringify(manifest));
    const failure = { what: `It broke: ${HOSTILE}`, remedy: `Do ${HOSTILE}` };
    for (const name of [failed, written]) {
      const state = { status: 'failed', failure };
      await writeFile(join(runs, name, 'run.json'), JSON.stringify({ ...manifest, id: name, state }));
    }
    await mkdir(join(runs, `broken-${HOSTILE}`));
    await writeFile(join(runs, `broken-${HOSTILE}`, 'run.json'), `{"version": "${HOSTILE}"`);
    const hostileFile = `${HOSTILE}.experiment.yaml`;
    await write(hostileFile, `${experimentText()}\n"${'\\e]0;x\\a\\u202e\\nFORGED'}": 1\n`);
    await write('syntax.experiment.yaml', `model: ${HOSTILE}: {{\n`);

    const images = join(folder, `images${ONE_LINE}`);
    await mkdir(join(images, ONE_LINE), { recursive: true });
    await writeFile(join(images, ONE_LINE, `${HOSTILE}.png`), 'no image');

    const withHelp = [
      'new',
      'run',
      'resolve',
      'inspect',
      'schedule',
      'data',
      'allow',
      'runs',
      'show',
      'test',
    ];
    withHelp.push('predict', 'export', 'stop', 'pause', 'resume', 'doctor', 'engine', 'queue');
    const commands: string[][] = [
      ['runs'],
      ['runs', '--json'],
      ...[id, failed, written, `broken-${HOSTILE}`, HOSTILE].flatMap((run) => [
        ['show', run],
        ['show', run, '--json'],
        ['test', run],
        ['predict', run, images],
        ['export', run, '--recipe', 'timm'],
        ['export', run, '--onnx', join(folder, `${HOSTILE}.onnx`)],
        ['stop', run],
        ['pause', run],
        ['queue', 'cancel', run],
        ['queue', 'move', run, HOSTILE],
      ]),
      ['resume', `broken-${HOSTILE}`],
      ...[hostileFile, 'syntax.experiment.yaml', HOSTILE].flatMap((file) => [
        ['run', file],
        ['resolve', file],
        ['inspect', file],
        ['schedule', file],
        ['data', file],
        ['queue', 'add', file],
      ]),
      ['run', 'small.experiment.yaml', '--set', HOSTILE],
      ['run', 'small.experiment.yaml', '--set', `name=${HOSTILE}`, '--set', `model=${HOSTILE}`],
      ['inspect', 'small.experiment.yaml', '--folder', HOSTILE],
      ['new', '--data', images],
      ['allow', HOSTILE],
      ['allow', '--revoke', HOSTILE],
      ['allow', images],
      ['allow'],
      ['engine', 'install', HOSTILE],
      ['engine', HOSTILE],
      ['queue'],
      [HOSTILE],
      ['show', `--${HOSTILE}`],
      ...withHelp.map((name) => [name, '--help']),
    ];
    const env = { XDG_CONFIG_HOME: join(folder, 'config'), HOME: folder };
    const workers = [0, 1].map(async (first) => {
      for (let index = first; index < commands.length; index += 2) {
        const args = commands[index]!;
        expectPlain(await tricks(args, { env }), JSON.stringify(args));
      }
    });
    await Promise.all(workers);
    const listed = await tricks(['runs', '--json']);
    expect(JSON.parse(listed.stdout).map((run: { id: string }) => run.id)).toContain(written);
    await rm(join(runs, written), { recursive: true });
    await rename(join(runs, failed), join(runs, 'plain'));
  },
);
