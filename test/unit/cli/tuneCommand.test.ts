import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SearchRecord } from '../../../src/searches/record';
import { until } from '../runs/support';
import { tricksTests } from './tricks';

const work = tricksTests();
const FILE = 'rates.study.yaml';

const searchText = (more = '') => `name: rates
experiment: other.experiment.yaml
search:
  trainer.values.lr: { log: [0.001, 1] }
budget: { trials: 3 }
reduction: 3
${more}`;

/**
 * Logs like a training, with an accuracy that is best for a learning rate of 0.1. `wait` never returns. A training that
 * still runs at the end of a test fails it.
 */
const PRELUDE = `import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
const option = (name) => process.argv[process.argv.indexOf(name) + 1];
const lr = Number(option('--lr'));
const accuracy = (epoch) => Number((0.5 + epoch / 100 - Math.abs(Math.log10(lr) + 1) / 10).toFixed(4));
const log = (line) => console.log(JSON.stringify(line));
const wait = () => new Promise(() => setInterval(() => {}, 1000));
const resumed = process.argv.includes('--resume') ? Number(readFileSync(option('--resume'), 'utf8')) : 0;
console.log('begins with epoch ' + resumed);
`;

const experiment = (more: string) => `name: other
trainer:
  command: [${JSON.stringify(process.execPath)}, train.mjs, --lr, '\${lr}', --out, '\${run.folder}']
  system: generic
  epochs: 3
  seed_variable: SEED
  values: { lr: 0.1 }
${more}`;

const RESUMES = `  checkpoint: last
  resume: --resume \${checkpoint}
`;

/** Saves after each epoch, and waits in the second one until it is paused. */
const SAVING = `for (let epoch = resumed; epoch < 3; epoch++) {
  log({ epoch, validation_accuracy: accuracy(epoch) });
  writeFileSync(option('--out') + '/last', String(epoch + 1));
  if (epoch > 0) continue;
  log({ step: 1, epoch: 1, loss: 1 });
  await wait();
}
`;

/** Waits forever at the first rung if an earlier training was better. */
const RACING = `log({ epoch: 0, loss: 1 });
log({ epoch: 0, validation_accuracy: accuracy(0) });
const best = existsSync('best') ? Number(readFileSync('best', 'utf8')) : 0;
if (accuracy(0) < best) await wait();
writeFileSync('best', String(accuracy(0)));
for (const epoch of [1, 2]) log({ epoch, validation_accuracy: accuracy(epoch) });
`;

async function searching(script: string, { trainer = '', search = '' } = {}) {
  const place = await work();
  await place.write('train.mjs', PRELUDE + script);
  await place.write('other.experiment.yaml', experiment(trainer));
  await place.write(FILE, searchText(search));
  const store = join(place.folder, '.bag-of-tricks');
  const folder = async () => join(store, 'studies', (await readdir(join(store, 'studies')))[0] ?? '');
  const run = (id: string) => join(store, 'runs', id);
  return {
    ...place,
    record: async (): Promise<SearchRecord> =>
      JSON.parse(await readFile(join(await folder(), 'search.json'), 'utf8')),
    journal: async () =>
      (await readFile(join(await folder(), 'optuna.log'), 'utf8'))
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    manifest: async (id: string) => JSON.parse(await readFile(join(run(id), 'run.json'), 'utf8')),
    /** The epochs that the commands of a run began with. */
    beginnings: async (id: string) =>
      Array.from(
        (await readFile(join(run(id), 'trainer.log'), 'utf8')).matchAll(/begins with epoch (\d+)/g),
        (at) => Number(at[1]),
      ),
  };
}

const runOf = ({ trials }: SearchRecord, trial: number) => trials[trial]?.runs[0]?.id ?? '';
const expectedAt = (lr: number, epoch: number) => 50 + epoch - Math.abs(Math.log10(lr) + 1) * 10;

describe('tricks tune, over a command that resumes', () => {
  it('pauses its trials at a rung, and resumes the promoted one from its checkpoint', async () => {
    const { tricks, record, beginnings, manifest } = await searching(SAVING, { trainer: RESUMES });
    const { code, stdout, stderr } = await tricks(['tune', FILE]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout.split('\n')[0]).toBe('Searching rates: a trial trains to epoch 1, then 3.');
    const { trials } = await record();
    expect(trials).toHaveLength(3);
    for (const { id, results, settings, runs } of trials) {
      const { recipe } = await manifest(runs[0]?.id ?? '');
      const lr = Number(recipe.command[3]);
      expect(settings).toEqual([`trainer.values.lr=${lr}`]);
      expect(results[0], `trial ${id}`).toBeCloseTo(expectedAt(lr, 0), 1);
    }
    const best = trials.toSorted((a, b) => (b.results[0] ?? 0) - (a.results[0] ?? 0))[0];
    const promoted = trials.filter(({ results }) => results.length === 2);
    expect(promoted.map(({ id }) => id)).toEqual([best?.id]);
    for (const { runs, results } of trials) {
      const id = runs[0]?.id ?? '';
      const isPromoted = results.length === 2;
      expect(await beginnings(id)).toEqual(isPromoted ? [0, 1] : [0]);
      expect((await manifest(id)).state.status).toBe(isPromoted ? 'done' : 'paused');
    }
  });

  it('is paused by an interrupt, and goes on from there to the same result', async () => {
    const whole = await searching(SAVING, { trainer: RESUMES });
    expect((await whole.tricks(['tune', FILE])).code).toBe(0);
    const { start, tricks, record, beginnings } = await searching(SAVING, { trainer: RESUMES });
    const first = start(['tune', FILE, '--json']);
    await until(() => first.stdout().includes('"type":"trial"') || first.process.exitCode !== null);
    first.process.kill('SIGINT');
    const paused = await first.outcome;
    expect(paused.code, paused.stderr).toBe(130);
    expect(paused.stderr).toContain('Pausing the trials.');
    const second = await tricks(['tune', FILE]);
    expect(second.code, second.stderr).toBe(0);
    expect(second.stderr).toBe('');
    const results = ({ trials }: SearchRecord) => trials.map((trial) => [trial.values, trial.results]);
    expect(results(await record())).toEqual(results(await whole.record()));
    expect((await beginnings(runOf(await record(), 0))).filter((epoch) => epoch === 0)).toHaveLength(1);
  });
});

describe('tricks tune, over a command that cannot resume', () => {
  it('lets trials that are good enough go on at a rung, and stops the others for good', async () => {
    const { tricks, record, beginnings, manifest, journal } = await searching(RACING);
    const { code, stdout, stderr } = await tricks(['tune', FILE]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout.split('\n').slice(0, 2)).toEqual([
      'Searching rates: a trial trains to epoch 1, then 3.',
      'The command cannot resume, so a trial is not paused at a rung: it goes on or stops there.',
    ]);
    const { trials } = await record();
    const firsts = trials.map(({ results }) => results[0] ?? 0);
    expect(firsts).toHaveLength(3);
    const goOn = firsts.map((value, index) => value >= Math.max(...firsts.slice(0, index + 1)));
    expect(trials.map(({ results }) => results.length === 2)).toEqual(goOn);
    // Otherwise this shows nothing.
    expect(goOn).toContain(false);
    for (const [index, { runs, endedAt }] of trials.entries()) {
      const id = runs[0]?.id ?? '';
      expect(await beginnings(id)).toEqual([0]);
      expect((await manifest(id)).state.status).toBe(goOn[index] ? 'done' : 'stopped');
      expect(endedAt).not.toBeNull();
    }
    // In Optuna, a state of 1 is complete, and one of 2 is pruned.
    const states = (await journal()).filter(({ op_code }) => op_code === 6).map(({ state }) => state);
    expect(states).toEqual(goOn.map((isDone) => (isDone ? 1 : 2)));
    expect(stdout).toContain('stopped early');
  });

  it('says that interrupted trials start over, and lets them', async () => {
    const script = `log({ epoch: 0, validation_accuracy: accuracy(0) });
if (!existsSync('go')) await wait();
for (const epoch of [1, 2]) log({ epoch, validation_accuracy: accuracy(epoch) });
`;
    const { start, tricks, write, record, beginnings } = await searching(script);
    const first = start(['tune', FILE]);
    await until(() => first.stdout().includes('Trial 0, epoch 1 of 3') || first.process.exitCode !== null);
    first.process.kill('SIGINT');
    const stopped = await first.outcome;
    expect(stopped.code).toBe(130);
    expect(stopped.stderr).toContain(
      'Stopping the trials. Their command cannot resume, so they will start over.',
    );
    await write('go', '');
    const second = await tricks(['tune', FILE]);
    expect(second.code).toBe(0);
    expect(second.stderr).toBe('Trial 0 starts over, because its command cannot resume.\n');
    const after = await record();
    expect(await beginnings(runOf(after, 0))).toEqual([0, 0]);
    expect(after.trials[0]?.results).toHaveLength(2);
  });

  it('trains all seeds of a trial to the end', async () => {
    const script = `const seed = Number(process.env.SEED);
for (const epoch of [0, 1, 2]) log({ epoch, validation_accuracy: (10 * seed + epoch) / 100 });
`;
    const { tricks, record } = await searching(script, { search: 'seeds: 2\n' });
    const { code, stdout } = await tricks(['tune', FILE]);
    expect(code).toBe(0);
    expect(stdout).toContain('The command cannot resume, so each trial trains all its seeds to the end.');
    const { trials, rungs } = await record();
    expect(rungs).toEqual([3]);
    for (const { results } of trials) expect(results).toEqual([17]);
  });

  it('takes the last metrics of a command that ends early', async () => {
    const script = 'for (const epoch of [0, 1]) log({ epoch, validation_accuracy: accuracy(epoch) });\n';
    const { tricks, record } = await searching(script, { search: 'rungs: 1\n' });
    expect((await tricks(['tune', FILE])).code).toBe(0);
    for (const { results, values } of (await record()).trials) {
      expect(results).toHaveLength(1);
      expect(results[0]).toBeCloseTo(expectedAt(values['trainer.values.lr'] ?? 0, 1), 1);
    }
  });
});

describe('a command that does not report the metric of the search', () => {
  const script = `for (const epoch of [0, 1, 2]) log({ epoch, validation_loss: lr });
await wait();
`;
  const failed =
    'Its command reported no validation_accuracy after 1 epoch. Let it report that, or search by validation_loss, which it reports.';

  it.each(['', RESUMES])('fails its trials, and says what to do (%j)', async (trainer) => {
    const save = "writeFileSync(option('--out') + '/last', '3');\n";
    const { tricks, record } = await searching(save + script, { trainer });
    const { code, stderr } = await tricks(['tune', FILE]);
    expect(code).toBe(1);
    expect(stderr).toContain(`The first 3 trials failed. ${failed}`);
    const { trials } = await record();
    expect(trials.map(({ results, failure }) => [results, failure])).toEqual(
      trials.map(() => [[null], failed]),
    );
  });
});

describe('a search over a command that cannot be run', () => {
  it('is refused at the places of its problems', async () => {
    const { tricks, write } = await searching(SAVING);
    await write(FILE, searchText().replace('trainer.values.lr', 'optimizer.base_lr'));
    const { code, stderr } = await tricks(['tune', FILE]);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      new RegExp(`^${FILE}:4:3: error: An experiment with a command has no optimizer.base_lr.`),
    );
    await write(FILE, searchText());
    await write('other.experiment.yaml', experiment('').replace('  epochs: 3\n', ''));
    expect((await tricks(['tune', FILE])).stderr).toContain(
      `${FILE}:2:13: error: It is unknown how many epochs`,
    );
    const alone = await tricks(['tune', 'other.experiment.yaml']);
    expect(alone.code).toBe(2);
    expect(alone.stderr).toContain('search: { trainer.values.lr: { log: [0.01, 1] } }');
  });
});
