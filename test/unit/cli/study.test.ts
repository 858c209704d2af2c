import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { until } from '../runs/support';
import { ACCURACY, standIn } from '../studies/standIn';
import { EXPERIMENT, STUDY } from '../studies/support';
import { tricksTests } from './tricks';

const work = tricksTests();

/** A folder with an experiment and a study of it. The trainer is a fake unless `isReal`. */
async function workplace({
  study = STUDY,
  experiment = EXPERIMENT,
  trainer = standIn(ACCURACY),
  isReal = false,
} = {}) {
  const place = await work();
  await place.write('tiny.experiment.yaml', experiment);
  await place.write('which.study.yaml', study);
  if (!isReal) await place.replaceTrainer(trainer);
  const studies = join(place.folder, '.bag-of-tricks/studies');
  const runs = async () => (await readdir(join(place.folder, '.bag-of-tricks/runs'))).length;
  const record = async (id = 0) => {
    const ids = (await readdir(studies)).sort();
    return JSON.parse(await readFile(join(studies, ids[id] ?? '', 'study.json'), 'utf8'));
  };
  return { ...place, studies, runs, record };
}

describe('tricks study', () => {
  test('runs a study of real trainings to its end and reports what they show', async () => {
    const { tricks, record } = await workplace({
      isReal: true,
      study: STUDY.replace('at_once: 1', 'at_once: 2'),
      // A run usually takes longer than the start of a trainer, so that two runs side by side can be timed.
      experiment: EXPERIMENT.replace('epochs: 3', 'epochs: 24'),
    });
    const { code, stdout, stderr } = await tricks(['study', 'which.study.yaml']);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toContain('which: 2 factors, 8 runs in 2 blocks');
    // If the intervals are too wide to detect the smallest effect, this is said once, with a sufficient budget.
    expect(stderr.match(/±0\.46/g)).toHaveLength(1);
    // The expected time is reported after it is measured and before the first run.
    expect(stderr).toMatch(
      /Measuring how long .*\nExpected time: (\S.* for 8 runs, 2 at a time, on|unknown, because) .*\nStudy: .*\n0 of 8 runs done/,
    );
    expect(stderr).toMatch(/\d of 8 runs done, 2 at a time, .* left/);
    // A block of four runs has too few degrees of freedom for any interval.
    expect(stdout).toMatch(
      /^Block 1 of 2 is done\.\nTrick +Effect +Verdict.*\nzero_gamma +[+−]\d+\.\d\d +withheld .*\nlabel_smoothing +[+−]\d+\.\d\d +withheld /,
    );
    expect(stdout).not.toContain('Block 2 of 2');
    expect(stdout).toMatch(/\nDone: 8 of 8 runs, .* of training\n/);
    expect(stdout).toMatch(/\nzero_gamma +[+−]\d+\.\d\d ± \d+\.\d\d .* \+0\.16, \+0\.44\n/);
    expect(stdout).toMatch(/What to do next\n[\s\S]*tricks study report \S+-which\n$/);
    const { costs, scheduling } = await record();
    const threads = Math.min(8, Math.max(1, Math.floor(availableParallelism() / 2)));
    expect(scheduling).toMatchObject({ atOnce: 2, engine: 'wasm', threads });
    expect(costs.map(({ factor }: { factor: number }) => factor)).toEqual([0, 1]);
    for (const { secondsPerEpoch, secondsPerEpochWithout } of costs) {
      expect(secondsPerEpoch).toBeGreaterThan(0);
      expect(secondsPerEpochWithout).toBeGreaterThan(0);
    }
  });

  test('shows, lists and reports it, for people, for programs and as a picture', async () => {
    const { tricks, folder } = await workplace();
    const study = await tricks(['study', 'which.study.yaml', '--no-costs']);
    // The fake trainer of a trial never ends, so that its steps can be timed.
    expect(study).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/\nExpected time: \S.* s for 8 runs, 1 at a time, on stand-in\nStudy: /),
    });
    const list = await tricks(['study', 'list']);
    expect(list.stdout).toMatch(
      /^STUDY +STATE +RUNS +VERDICTS +AGE\n\S+-which +Done +8 of 8 runs +zero_gamma helps · 1 undecided +(now|\d+ min)\n$/,
    );
    const shown = await tricks(['study', 'show', 'which']);
    expect(shown.stdout).toMatch(/\nzero_gamma +\+[45]\.\d\d ± \d\.\d\d +helps +– +\+0\.16, \+0\.44\n/);
    expect(shown.stdout).toMatch(/\n +← hurts │ helps →\nzero_gamma +·*│.*●/);
    expect(shown.stdout).toMatch(
      /\nNoise\nStandard deviation across seeds \d\.\d\d points, \d degrees of freedom\n/,
    );
    expect(shown.stdout).toMatch(
      /\nBest set\nPredicted: zero_gamma.*biased upward.* Confirm it on fresh seeds\.\n/,
    );
    expect(shown.stdout).toMatch(
      /\nBlock +Seed +zero_gamma +label_smoothing +Result +Time +State +Run\n(.* (with|without) .* finished .*-tiny.*\n){8}\n/,
    );
    expect(shown.stdout).toMatch(/What to do next\nConfirm zero_gamma.* tricks study confirm \S+-which\n/);
    const { stdout: jsonText, stderr } = await tricks(['study', 'show', '--json']);
    expect(stderr).toMatch(/^Using the study \S+-which, the only one\.\n$/);
    const facts = JSON.parse(jsonText);
    expect(facts).toMatchObject({
      name: 'which',
      state: { status: 'done', because: 'full' },
      analysis: { blocksDone: 2, runsUsed: 8 },
    });
    expect(facts.analysis.effects[0].estimates.onTheseImages.value).toBeGreaterThan(4);
    expect(jsonText).not.toContain('"correct"');
    expect(JSON.parse((await tricks(['study', 'report', 'last', '--json'])).stdout)).toEqual(facts);

    const report = await tricks(['study', 'report', 'last', '--svg', 'out/forest.svg']);
    expect(report.stdout).toMatch(/^# which\n\n- tiny\.experiment\.yaml\n/);
    expect(report.stdout).toMatch(/\n\| zero\\_gamma \| \\\+[45]\.\d\d ± \d\.\d\d \| helps \|/);
    const picture = await readFile(join(folder, 'out/forest.svg'), 'utf8');
    expect(picture).toMatch(/^<svg [\s\S]*zero_gamma[\s\S]*<\/svg>\n$/);
    await writeFile(join(folder, 'out/forest.svg'), 'mine');
    expect(await tricks(['study', 'report', 'last', '--svg', 'out/forest.svg'])).toMatchObject({
      code: 2,
      stdout: '',
    });
    expect(await readFile(join(folder, 'out/forest.svg'), 'utf8')).toBe('mine');
    expect(await tricks(['study', 'report', 'last', '--svg', 'out/forest.svg', '--force'])).toMatchObject({
      code: 0,
    });
    expect(await readFile(join(folder, 'out/forest.svg'), 'utf8')).toBe(picture);
  });

  test('takes the latest study if none is named, and suggests the nearest name for an unknown one', async () => {
    const { tricks, record, studies } = await workplace();
    expect((await tricks(['study', 'show'])).stderr).toMatch(
      /There is no study in .* yet\.\nCreate one: tricks study FILE/,
    );
    expect((await tricks(['study', 'show', 'which'])).stderr).toMatch(/There is no study in/);
    await tricks(['study', 'which.study.yaml', '--no-costs']);
    const first = await record();
    const second = `${first.id}-2`;
    await mkdir(join(studies, second));
    await writeFile(
      join(studies, second, 'study.json'),
      JSON.stringify({ ...first, id: second, name: 'another' }),
    );
    const shown = await tricks(['study', 'show']);
    expect(shown).toMatchObject({ code: 0, stderr: `Using the study ${second}, the latest.\n` });
    expect(shown.stdout).toContain(`(${second})`);
    expect(await tricks(['study', 'show', 'whihc'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        new RegExp(`There is no study whihc in .*\\nThe nearest is ${first.id}\\.`),
      ),
    });
    expect(await tricks(['study', 'stop'])).toMatchObject({ code: 1 });
    expect(await tricks(['study', 'another'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('To resume it: tricks study resume another'),
    });
  });

  test.each([
    ['a misspelled command', ['kep', 'last'], 'Did you mean tricks study keep?'],
    ['a command behind an option', ['--budget', '8', 'keep'], 'Put it first: tricks study keep.'],
    ['a word that is no file', ['nothing'], 'There is no file or command named nothing.'],
    ['a path that is not there', ['./keep'], './keep does not exist.'],
    ['two files', ['which.study.yaml', 'other.study.yaml'], 'there are more arguments: other.study.yaml'],
    [
      'a budget beside a study file',
      ['which.study.yaml', '--budget', '8'],
      'The budget of which.study.yaml is set in the file.',
    ],
  ])('refuses %s in place of a study file', async (_, args, message) => {
    const { tricks } = await workplace();
    expect(await tricks(['study', ...args])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(message),
    });
  });

  test('stops by an interrupt or by another program, and resumes with the same file or by its name', async () => {
    const wait = `if (!fs.existsSync(join(folder, '../../../go'))) { setTimeout(finish, 20); return; }`;
    const { start, tricks, folder, runs, record } = await workplace({ trainer: standIn(ACCURACY, wait) });
    const isTraining = async () => (await tricks(['runs'])).stdout.includes('running');
    const first = start(['study', 'which.study.yaml']);
    await until(isTraining);
    first.process.kill('SIGINT');
    expect(await first.outcome).toMatchObject({
      code: 130,
      stderr: expect.stringContaining('tricks study resume'),
    });
    expect((await record()).state).toEqual({ status: 'stopped', because: null });

    const second = start(['study', 'which.study.yaml']);
    await until(isTraining);
    expect(second.stderr()).toContain('Continuing with the study');
    expect(await tricks(['study', 'resume', 'which'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is running'),
    });
    const stopped = await tricks(['study', 'stop', 'which', '--json']);
    expect(JSON.parse(stopped.stdout)).toEqual({ study: (await record()).id, stopped: true });
    expect((await second.outcome).code).toBe(130);
    expect(await tricks(['study', 'stop', 'which'])).toMatchObject({ code: 1 });

    await writeFile(join(folder, 'go'), '');
    expect(await tricks(['study', 'resume', 'which', '--no-costs'])).toMatchObject({ code: 0 });
    expect(await runs()).toBe(8);
  });

  test('needs no file, confirms its choice on fresh seeds, and keeps it in the experiment', async () => {
    const { tricks, record, folder, runs } = await workplace();
    const args = ['study', 'tiny.experiment.yaml', '--tricks', 'zero_gamma,label_smoothing', '--budget', '8'];
    expect(await tricks([...args, '--at-once', '1', '--no-costs'])).toMatchObject({ code: 0 });
    const confirmed = await tricks(['study', 'confirm', 'tiny', '--seeds', '4']);
    expect(confirmed).toMatchObject({ code: 0 });
    expect(confirmed.stdout).toMatch(/chosen set +\+[45]/);
    // A confirmation chooses nothing that would need another confirmation.
    expect(confirmed.stdout).not.toContain('tricks study confirm');
    expect(confirmed.stdout).toContain(`tricks study keep ${(await record(0)).id}`);
    expect((await tricks(['study', 'show', (await record(0)).id])).stdout).toMatch(
      /Confirmed on 4 fresh seeds/,
    );
    const { seeds, confirms, runs: planned } = await record(1);
    expect(seeds).toEqual([3, 4, 5, 6]);
    expect(confirms.arms[1][0]).toBe(1);
    expect(planned).toHaveLength(8);
    expect(await runs()).toBe(16);
    const kept = await tricks(['study', 'keep', (await record(0)).id]);
    expect(kept).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Kept zero_gamma: helps, \+[45]\.\d+ ± /),
    });
    expect(await readFile(join(folder, 'tiny.experiment.yaml'), 'utf8')).toContain('zero_gamma: true');
    expect((await tricks(['study', 'keep', (await record(0)).id])).stdout).toContain('already has this set');
  });

  test.each([
    [
      'folds, where validation images are split from the others',
      ['animals', 'flags'],
      'its own fold of the images',
    ],
    [
      'seeds, where the data set has validation images of its own',
      ['train/animals', 'train/flags', 'val/animals', 'val/flags'],
      'Each block has its own seed.',
    ],
  ])('has blocks of %s', async (_, folders, told) => {
    const experiment = `name: pictures
data: { dataset: image_folder, path: pictures, split: { validation: 0.25 }, batch_size: 4, image_size: 8 }
model: { name: resnet8, width: 2 }
optimizer: { base_lr: 0.1 }
schedule: { epochs: 1 }
`;
    const { tricks, folder } = await workplace({ experiment, isReal: true });
    for (const name of folders) {
      const from = join(__dirname, '../../../examples/clipart', basename(name));
      const to = join(folder, 'pictures', name);
      await mkdir(to, { recursive: true });
      const images = (await readdir(from)).sort();
      const some = name.startsWith('val') ? images.slice(12, 16) : images.slice(0, 12);
      for (const image of some) await copyFile(join(from, image), join(to, image));
    }
    const { code, stderr } = await tricks(['study', 'which.study.yaml', '--dry-run']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining(told) });
  });

  test('says what one block can and cannot show', async () => {
    const study = `name: which
experiment: tiny.experiment.yaml
factors: [zero_gamma, label_smoothing, no_bias_decay]
design: [[], [zero_gamma], [label_smoothing], [no_bias_decay], [zero_gamma, label_smoothing], [zero_gamma, no_bias_decay], [label_smoothing, no_bias_decay]]
budget: { runs: 7 }
at_once: 1
`;
    const { tricks } = await workplace({ study });
    const { code, stdout, stderr } = await tricks(['study', 'which.study.yaml', '--no-costs']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('All runs share one seed') });
    expect(stdout).toContain('Verdicts are withheld: one block shows effects');
  });

  test('never runs two factors that exclude each other together, and says so', async () => {
    const study = STUDY.replace('[zero_gamma, label_smoothing]', '[lars, lamb]').replace(
      'runs: 8',
      'runs: 12',
    );
    const { tricks, folder } = await workplace({ study });
    const { code, stderr } = await tricks(['study', 'which.study.yaml', '--dry-run']);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringMatching(
        /which\.study\.yaml:3:\d+: warning: lars and lamb exclude each other\. No run has both/,
      ),
    });
    expect(await readdir(folder)).not.toContain('.bag-of-tricks');
  });

  test('takes a budget in hours, by the duration of a run on this machine', async () => {
    const { tricks } = await workplace({ study: STUDY.replace('runs: 8', 'hours: 0.2') });
    const { code, stderr } = await tricks(['study', 'which.study.yaml', '--dry-run']);
    expect(code).toBe(0);
    expect(stderr).toMatch(/A budget of 0\.2 hours is enough for \d+ runs of .*\d+ s each, 1 at a time\./);
    expect(stderr).toMatch(/2 factors, \d+ runs in \d+ blocks/);
    expect(stderr).toMatch(/Expected time: \d/);
  });

  test.each([
    [
      'a factor that changes nothing',
      { study: STUDY.replace('zero_gamma', 'optimizer.base_lr: [0.1, 0.1]') },
      /which\.study\.yaml:3:\d+: error: /,
    ],
    [
      'a budget that is too small',
      { study: STUDY.replace('runs: 8', 'runs: 3') },
      /A budget of 3 runs is too small for 2 factors\. Use at least 8 runs/,
    ],
    [
      'an experiment that fails to parse',
      { experiment: 'name: [\n' },
      /tiny\.experiment\.yaml:\d+:\d+: error: /,
    ],
    [
      'an experiment that is not there',
      { study: STUDY.replace('tiny.', 'other.') },
      /other\.experiment\.yaml does not exist\./,
    ],
    [
      'a search',
      { study: 'name: s\nexperiment: tiny.experiment.yaml\nsearch: { optimizer.base_lr: [0.1, 0.2] }\n' },
      /tricks tune/,
    ],
  ])('refuses %s', async (_, texts, message) => {
    const { tricks, folder } = await workplace(texts);
    const { code, stderr } = await tricks(['study', 'which.study.yaml']);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) });
    expect(await readdir(folder)).not.toContain('.bag-of-tricks');
  });

  test('lists a damaged and a newer study with what to do, and changes neither', async () => {
    const { tricks, studies } = await workplace();
    const texts = { broken: '{', newer: '{ "version": 9 }' };
    for (const [name, text] of Object.entries(texts)) {
      await mkdir(join(studies, name), { recursive: true });
      await writeFile(join(studies, name, 'study.json'), text);
    }
    const { stdout, stderr } = await tricks(['study', 'list']);
    expect(stdout).toMatch(/broken +Damaged/);
    expect(stderr).toContain('Update Bag of Tricks, then try again.');
    expect(stderr).toMatch(/Restore .*study\.json from a backup/);
    for (const command of ['show', 'resume', 'stop', 'confirm', 'report', 'keep']) {
      expect(await tricks(['study', command, 'broken'])).toMatchObject({ code: 2 });
    }
    for (const [name, text] of Object.entries(texts)) {
      expect(await readFile(join(studies, name, 'study.json'), 'utf8')).toBe(text);
    }
  });
});
