import { mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { proposedFactors, studyText } from '../../../src/insight/study/proposal';
import { parseAnyExperiment } from '../../../src/interop/command/parse';
import { commandExperimentText } from '../../../src/interop/command/writer';
import { until } from '../runs/support';
import { tricksTests } from './tricks';

const work = tricksTests();

/**
 * Trains nothing, but logs like a training of two epochs. `noise` is an expression over the seed, the learning rate,
 * whether the augmentation is strong, and the number of the run. `before` runs first.
 */
const script = (noise: string, before = '') => `
import { appendFileSync, existsSync, statSync } from 'node:fs';
const at = (name) => process.argv[process.argv.indexOf(name) + 1];
const [seed, lr, strong] = [Number(at('--seed')), Number(at('--lr')), at('--aug') === 'strong'];
appendFileSync('count', 'x');
const count = statSync('count').size;
${before}
const noise = ${noise};
for (let epoch = 0; epoch < 2; epoch++) {
  console.log(JSON.stringify({
    epoch, loss: 1 - noise - epoch / 10, kappaScore: 0.5 + noise,
    validation_accuracy: 0.7 + (strong ? 0.03 : 0) + (lr > 0.1 ? 0.02 : 0) + noise,
  }));
}
`;

/** Differs between runs as in a real training whose seed decides everything. */
const SEEDED = '((seed * 7 + (strong ? 3 : 0) + (lr > 0.1 ? 5 : 0)) % 11) / 4000';

const EXPERIMENT = `name: other
trainer:
  command: [${JSON.stringify(process.execPath)}, train.mjs, --seed, '\${seed}', --lr, '\${lr}']
  system: generic
  values: { lr: 0.1 }
  arguments:
    strong_aug: { with: --aug strong, without: --aug weak }
seed: 3
`;

const STUDY = `name: which
experiment: other.experiment.yaml
factors: [strong_aug, lr: [0.1, 0.2]]
budget: { runs: 8 }
`;

async function studying({ training = script(SEEDED), study = STUDY, experiment = EXPERIMENT } = {}) {
  const place = await work();
  await place.write('train.mjs', training);
  await place.write('other.experiment.yaml', experiment);
  await place.write('which.study.yaml', study);
  const store = join(place.folder, '.bag-of-tricks');
  const record = async () => {
    const [id = ''] = await readdir(join(store, 'studies'));
    return JSON.parse(await readFile(join(store, 'studies', id, 'study.json'), 'utf8'));
  };
  const runs = async () => (await readdir(join(store, 'runs'))).length;
  return { ...place, store, record, runs };
}

describe('tricks study, of an experiment that a command trains', () => {
  test('compares its own names and values, and says what it cannot know', async () => {
    const { tricks, record, folder, runs } = await studying();
    const dry = await tricks(['study', 'which.study.yaml', '--dry-run']);
    expect(dry.stderr).toContain('Expected time: unknown until the first run is done\n');
    const { code, stdout, stderr } = await tricks(['study', 'which.study.yaml']);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toContain('One more run repeats the first one with the same seed');
    expect(stderr).not.toContain('Measuring');
    expect(stderr).toContain('0 of 9 runs done, time left unknown');
    expect(stdout).toContain('In points of validation accuracy on these images');
    expect(stdout).not.toContain('new images');
    expect(stdout).not.toContain('same seed');
    expect(stdout).toMatch(/\nstrong_aug +\+[23]\.\d\d ± \d\.\d\d +helps /);
    expect(stdout).toMatch(/\ntrainer\.values\.lr 0\.2 \(against 0\.1\) +\+[12]\.\d\d ± \d\.\d\d +helps /);
    const { seeding, scheduling, costs } = await record();
    expect(seeding).toMatchObject({ isPassed: true, sameSeed: 'equal' });
    expect(scheduling).toMatchObject({ engine: null, threads: null, atOnce: 1, secondsPerRun: null });
    expect(costs).toHaveLength(2);
    expect(costs[0].fromRuns.runs).toBe(8);
    expect(await runs()).toBe(9);

    expect((await tricks(['study', 'keep'])).code).toBe(0);
    const kept = await readFile(join(folder, 'other.experiment.yaml'), 'utf8');
    expect(kept).toContain('values: { lr: 0.2 }');
    expect(kept).toMatch(/tricks:\n {2}strong_aug: true\n/);
    const confirmed = await tricks(['study', 'confirm', '--seeds', '4']);
    expect(confirmed.stdout).toMatch(/\nchosen set +\+5\.\d\d ± \d\.\d\d +helps /);
  });

  test('stops if different seeds give the same digits, after the first runs that show it', async () => {
    const { tricks, runs } = await studying({
      training: script(SEEDED.replace('seed * 7', '0')),
    });
    const { code, stderr } = await tricks(['study', 'which.study.yaml']);
    expect(code).toBe(1);
    expect(stderr).toContain('the trainer ignores its seed');
    expect(stderr).toContain(`Make the program use the seed that it gets by \${seed} or seed_variable`);
    // The first run, its repetition, its twin with the next seed, and what was queued behind it.
    expect(await runs()).toBeLessThanOrEqual(4);
  });

  test('finds that out also if the plan trains no combination with two seeds', async () => {
    const { tricks, record } = await studying({
      training: script(SEEDED.replace('seed * 7', '0')),
      study: `${STUDY.replace('lr: [0.1, 0.2]', 'lr: [0.1, 0.2], a, b, c').replace('8', '32')}`,
      experiment: EXPERIMENT.replace(
        '  arguments:\n',
        "  arguments:\n    a: { with: -a, without: '' }\n    b: { with: -b, without: '' }\n    c: { with: -c, without: '' }\n",
      ),
    });
    const { code, stderr } = await tricks(['study', 'which.study.yaml']);
    expect(code).toBe(1);
    expect(stderr).toContain('Two more runs repeat the first one, with the same seed and with another');
    expect(stderr).toContain('the trainer ignores its seed');
    expect((await record()).seeding.repeats).toHaveLength(2);
  });

  test('reports that one seed gives different metrics, and then does not pair runs by seed', async () => {
    const { tricks, record } = await studying({ training: script('((count * 7) % 11) / 4000') });
    const { code, stdout, stderr } = await tricks(['study', 'which.study.yaml']);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stdout).toMatch(
      /Two runs with the same seed gave \d\d\.\d\d and \d\d\.\d\d, as is normal on GPUs\./,
    );
    expect(stdout).toContain('Runs are not paired by seed, and the noise includes that of seeds.');
    // Without blocks: 8 runs less a mean and two effects.
    expect(stdout).toContain(' 5 degrees of freedom');
    expect((await record()).seeding.sameSeed).toBe('different');
  });

  test('goes on after it was killed in the middle', async () => {
    const { tricks, start, write, runs, record } = await studying({
      training: script(
        SEEDED,
        "if (count > 2) while (!existsSync('go')) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);",
      ),
    });
    const first = start(['study', 'which.study.yaml']);
    await until(async () => first.stderr().includes('2 of 9 runs done'));
    first.process.kill('SIGKILL');
    await first.outcome;
    await write('go', '');
    const { code, stderr } = await tricks(['study', 'which.study.yaml']);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toContain('Continuing with the study');
    expect(await runs()).toBe(9);
    const { state, runs: planned } = await record();
    expect(state).toEqual({ status: 'done', how: 'full' });
    expect(planned.every(({ isReused }: { isReused: boolean }) => !isReused)).toBe(true);
  });

  test('takes names on the command line, and a number that the command logs as the metric', async () => {
    const study = `${STUDY}metric: kappaScore\nsmallest_effect: 0.001\n`;
    const { tricks } = await studying({ study });
    const named = ['study', 'other.experiment.yaml', '--tricks', 'strong_aug', '--budget', '8', '--dry-run'];
    expect((await tricks(named)).stderr).toContain('1 factor, 8 runs in 4 blocks');
    const wrong = await tricks(named.with(3, 'strong_agu'));
    expect(wrong.stderr).toContain('Did you mean strong_aug?');
    const { code, stdout } = await tricks(['study', 'which.study.yaml']);
    expect(code).toBe(0);
    expect(stdout).toContain('kappaScore');
  });

  test('prints problems at their places and trains nothing', async () => {
    const { tricks, store } = await studying({ study: STUDY.replace('strong_aug', 'warmup') });
    const { code, stderr } = await tricks(['study', 'which.study.yaml']);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^which\.study\.yaml:3:11: error: The arguments for warmup are not in the file\. Write them under trainer/m,
    );
    await expect(readdir(join(store, 'runs'))).rejects.toThrow('ENOENT');
  });

  test('says that the command does not report the accuracy, and what to do', async () => {
    const { tricks } = await studying({
      training: script(SEEDED).replace('validation_accuracy', 'accuracy'),
    });
    const { code, stderr } = await tricks(['study', 'which.study.yaml']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/The command of the run \S+ did not report validation_accuracy\.\n/);
    expect(stderr).toContain('say under trainer.metrics where it is, or compare another metric');
  });

  test('fails with the reason of the command, if that fails', async () => {
    const { tricks } = await studying({ training: "throw new Error('There are no images in pets.');" });
    const { code, stderr } = await tricks(['study', 'which.study.yaml']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/failed 3 times\. Last failure: The command exited with code 1\.\n/);
    expect(stderr).toContain('Error: There are no images in pets.');
  });

  test('knows the time of a run from an earlier one, and has no hours without it', async () => {
    const { tricks } = await studying({ study: STUDY.replace('runs: 8', 'hours: 0.01') });
    const unknown = await tricks(['study', 'which.study.yaml']);
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain('How long a run takes is unknown until the first run is done.');
    // Another seed than that of the file.
    expect((await tricks(['run', 'other.experiment.yaml', '--set', 'seed=9'])).code).toBe(0);
    const known = await tricks(['study', 'which.study.yaml', '--dry-run']);
    expect(known).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/A budget of 0\.01 hours is enough/),
    });
  });

  test('runs a command outside of the folder only where that is allowed', async () => {
    const outside = await realpath(await mkdtemp(join(tmpdir(), 'bag-of-tricks-outside-')));
    onTestFinished(() => rm(outside, { recursive: true }));
    await writeFile(join(outside, 'train.mjs'), script(SEEDED));
    const { tricks, folder } = await studying({
      experiment: EXPERIMENT.replace('  values', `  working_directory: ${outside}\n  values`),
      study: STUDY.replace(', lr: [0.1, 0.2]', ''),
    });
    const at = ['--folder', folder];
    const refused = await tricks(['study', 'which.study.yaml', ...at]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(`tricks allow ${outside}`);
    expect((await tricks(['study', 'which.study.yaml', ...at, '--allow', outside])).code).toBe(0);
  });
});

test.each([
  { system: 'timm', options: '--data-dir pets --mixup 0.2 --opt lamb --sched cosine', own: 'lamb' },
  { system: 'torchvision', options: '--data-path pets --mixup-alpha 0.2 --lr-gamma 0.1', own: 'mixup' },
])('a proposed study of a $system script plans its runs', async ({ system, options, own }) => {
  const script = `python train.py --model resnet50 --epochs 30 ${options}\n`;
  const written = commandExperimentText(script, 'pets.sh', { isLifted: true });
  if (!written.ok) throw new Error(written.failure.what);
  const parsed = parseAnyExperiment(written.text, 'pets.experiment.yaml');
  if (!parsed.ok) throw new Error('The experiment has problems.');
  const factors = proposedFactors(parsed).filter(({ isSuggested }) => isSuggested);
  expect(factors.map(({ trick }) => trick.name)).toContain(own);
  const { tricks, write } = await work();
  await write('pets.experiment.yaml', written.text);
  const head = { name: system, experiment: 'pets.experiment.yaml', budget: { runs: 48 } };
  await write('pets.study.yaml', studyText({ ...head, factors, blocks: 'seeds' }));
  const { code, stdout, stderr } = await tricks(['study', 'pets.study.yaml', '--dry-run']);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect(stdout + stderr).toContain(`${system}: ${factors.length} factors, 48 runs in `);
});
