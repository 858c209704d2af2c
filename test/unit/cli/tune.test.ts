import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { experimentText } from '../../support/smallTraining';
import { until } from '../runs/support';
import { tricksTests } from './tricks';

const work = tricksTests();
const FILE = 'rates.study.yaml';

const searchText = (more = '') => `name: rates
experiment: small.experiment.yaml
search:
  optimizer.base_lr: { log: [0.001, 1] }
  mixup: [off, on]
budget: { trials: 2 }
reduction: 2
${more}`;

/** More epochs than a test waits for. */
const ENDLESS = { schedule: '{ epochs: 100000 }' };

/** A trial, as in the last line of --json output. */
interface Trial {
  readonly trial: number;
  readonly values: Readonly<Record<string, unknown>>;
  readonly runs: readonly { readonly id: string; readonly seed: number }[];
  readonly results: readonly (number | null)[];
}

const resultIn = (stdout: string) => JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
const withoutRuns = (trials: readonly Trial[]) => trials.map(({ runs: _, ...trial }) => trial);

async function searching(more = '') {
  const place = await work();
  await place.write('small.experiment.yaml', experimentText({ schedule: '{ epochs: 2 }' }));
  await place.write(FILE, searchText(more));
  const studies = join(place.folder, '.bag-of-tricks/studies');
  return {
    ...place,
    /** Returns the only search's folder. */
    search: async () => join(studies, (await readdir(studies))[0] ?? ''),
  };
}

/** Interrupts a search after its first trial. Begins another one if the search ended before the interrupt came. */
async function interrupted() {
  for (;;) {
    const place = await searching();
    const { process: search, stdout, outcome } = place.start(['tune', FILE, '--json']);
    await until(() => stdout().includes('"type":"trial"') || search.exitCode !== null);
    search.kill('SIGINT');
    const paused = await outcome;
    if (paused.code !== 0) return { ...place, paused };
  }
}

describe('tricks tune', () => {
  it('halves its trials, promotes by resuming their runs of each seed, and shows the best', async () => {
    const { folder, tricks, search } = await searching('seeds: 2\n');
    const { code, stdout, stderr } = await tricks(['tune', FILE]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toBe('Searching rates: a trial trains to epoch 1, then 2.');
    const at = (epoch: number) => lines.filter((line) => line.includes(`, epoch ${epoch} of 2: `));
    expect(at(1)).toHaveLength(2);
    expect(at(2)).toHaveLength(1);
    const title = /^TRIAL +OPTIMIZER\.BASE_LR +MIXUP +EPOCHS +VALIDATION_ACCURACY +STATE$/;
    expect(lines).toContainEqual(expect.stringMatching(title));
    const best = /^Best: trial \d \(optimizer\.base_lr [\d.]+, mixup (on|off)\), after 2 epochs\.$/;
    expect(lines).toContainEqual(expect.stringMatching(best));
    // Two seeds of two trials: a promotion does not create another run.
    const runs = join(folder, '.bag-of-tricks/runs');
    const ids = await readdir(runs);
    expect(ids).toHaveLength(4);
    const manifests = await Promise.all(ids.map((id) => readFile(join(runs, id, 'run.json'), 'utf8')));
    const states = manifests.map((text) => JSON.parse(text).state.status);
    expect(states.toSorted()).toEqual(['done', 'done', 'paused', 'paused']);
    expect(lines.at(-1)).toBe(`View it in Optuna: optuna-dashboard ${join(await search(), 'optuna.log')}`);
    const journal = (await readFile(join(await search(), 'optuna.log'), 'utf8')).trimEnd().split('\n');
    expect(journal.map((line) => JSON.parse(line).op_code).toSorted()).toEqual([0, 3, 4, 4, 6, 6, 7, 7, 7]);
  });

  it('is paused by an interrupt, and reaches the same result as an uninterrupted search', async () => {
    const whole = await searching();
    const expected = resultIn((await whole.tricks(['tune', FILE, '--json'])).stdout);
    expect(expected.trials).toHaveLength(2);

    const { paused, tricks, search } = await interrupted();
    expect(paused.code, paused.stderr).toBe(130);
    expect(paused.stderr).toContain(`Paused. To resume: tricks tune ${FILE}`);
    expect(resultIn(paused.stdout).state).toBe('unfinished');
    const second = await tricks(['tune', FILE, '--json']);
    expect(second.stderr).toContain('Continuing with ');
    expect(second.code, second.stderr).toBe(0);
    const result = resultIn(second.stdout);
    expect(result.state).toBe('done');
    expect(result.best).toEqual(expected.best);
    expect(withoutRuns(result.trials)).toEqual(withoutRuns(expected.trials));
    expect(JSON.parse(await readFile(join(await search(), 'search.json'), 'utf8')).state).toBe('done');
  });

  it('shares the threads among trials that train at the same time', async () => {
    const { folder, tricks, write } = await searching('rungs: 1\nat_once: 2\n');
    const size = 'train_images: 256, validation_images: 32, height: 8, width: 8, classes: 4, batch_size: 128';
    const data = `{ dataset: synthetic, ${size} }`;
    await write('small.experiment.yaml', experimentText({ data, schedule: '{ epochs: 1 }' }));
    const { code, stderr } = await tricks(['tune', FILE]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const runs = join(folder, '.bag-of-tricks/runs');
    const ids = await readdir(runs);
    expect(ids).toHaveLength(2);
    const share = Math.min(8, Math.max(1, Math.floor(availableParallelism() / 2)));
    for (const id of ids) {
      const { engine } = JSON.parse(await readFile(join(runs, id, 'run.json'), 'utf8'));
      expect(engine.threads).toBe(share);
    }
  });

  it('trains no trial that its file or its experiment makes impossible, and says where', async () => {
    const { tricks, write } = await searching();
    await write(FILE, searchText().replace('[0.001, 1]', '[0, 1]'));
    expect(await tricks(['tune', FILE])).toEqual({
      code: 2,
      stdout: '',
      stderr: `${FILE}:4:29: error: 0 has no logarithm. Start above 0, or write range.\n`,
    });
    await write(FILE, searchText().replace('optimizer.base_lr', 'optimizer.base_rate'));
    const { code, stderr } = await tricks(['tune', FILE]);
    expect(code).toBe(2);
    expect(stderr).toContain(`${FILE}:4:`);
    expect(stderr).toContain('base_rate');
    await write(FILE, 'name: a\nexperiment: b\nfactors: [mixup]\n');
    expect((await tricks(['tune', FILE])).stderr).toContain(`tricks study ${FILE}`);
    const experiment = await tricks(['tune', 'small.experiment.yaml']);
    expect(experiment.code).toBe(2);
    expect(experiment.stderr).toMatch(
      /^error: small\.experiment\.yaml is an experiment, not a search\.\nWrite a search file, .*experiment: small\.experiment\.yaml.*\n$/,
    );
  });

  it('says what a sampler of Optuna needs, and creates no search', async () => {
    const { folder, tricks } = await searching('sampler: tpe\n');
    const { code, stderr } = await tricks(['tune', FILE, '--python', './python']);
    expect(code).toBe(2);
    expect(stderr).toContain(`There is no Python at ${join(folder, 'python')}.`);
    expect(stderr).toContain('--python PATH');
    expect(await readdir(join(folder, '.bag-of-tricks/studies'))).toEqual([]);
  });

  it('leaves a search to the process that runs it', async () => {
    const { start, tricks, write } = await searching();
    await write('small.experiment.yaml', experimentText(ENDLESS));
    const first = start(['tune', FILE]);
    await until(() => first.stdout().includes('Searching') || first.process.exitCode !== null);
    const { code, stderr } = await tricks(['tune', FILE]);
    expect(code).toBe(2);
    expect(stderr).toContain('Another process is running this search.');
    first.process.kill('SIGINT');
    await first.outcome;
  });

  it('stops when someone stops one of its runs, and says so', async () => {
    const { folder, start, tricks, write } = await searching();
    await write('small.experiment.yaml', experimentText(ENDLESS));
    const search = start(['tune', FILE]);
    const untilSteps = async () => (await tricks(['runs'])).stdout.includes('running');
    await until(async () => search.process.exitCode !== null || (await untilSteps()));
    const [id = ''] = await readdir(join(folder, '.bag-of-tricks/runs'));
    await tricks(['stop', id]);
    const { code, stderr } = await search.outcome;
    expect(code).toBe(1);
    expect(stderr).toContain(`Something else stopped the run ${id}, so the search stopped too.`);
    expect(stderr).toContain(`To resume: tricks tune ${join(folder, FILE)}`);
  });

  it('does not train runs that came with the folder', async () => {
    const { folder, start, tricks, search, write } = await searching();
    // More trials than end before the interrupt comes.
    await write(FILE, searchText().replace('trials: 2', 'trials: 500'));
    const first = start(['tune', FILE]);
    await until(() => first.stdout().includes('Trial 0') || first.process.exitCode !== null);
    first.process.kill('SIGINT');
    await first.outcome;
    const runs = join(folder, '.bag-of-tricks/runs');
    for (const id of await readdir(runs)) await writeFile(join(runs, id, 'origin'), 'of another machine');
    const kept = (await readdir(await search())).filter((name) => !name.startsWith('lease.'));
    expect(kept.toSorted()).toEqual(['optuna.log', 'search.json']);
    const { code, stderr } = await tricks(['tune', FILE]);
    expect(code).toBe(1);
    expect(stderr).toContain('You did not create');
    expect(stderr).toContain('tricks tune FILE --new');
  });

  it('warns about a damaged search or one of a newer release, and does not change it', async () => {
    const { folder, tricks, write } = await searching();
    const studies = join(folder, '.bag-of-tricks/studies');
    for (const [name, text] of [
      ['damaged', '{'],
      ['newer', '{ "version": 99 }'],
    ] as const) {
      await mkdir(join(studies, name), { recursive: true });
      await writeFile(join(studies, name, 'search.json'), text);
    }
    await write(FILE, searchText('rungs: 1\n').replace('trials: 2', 'trials: 1'));
    const { code, stderr } = await tricks(['tune', FILE]);
    expect(stderr.trimEnd().split('\n')).toEqual([
      'warning: The search.json of damaged is damaged.',
      'warning: A newer release of Bag of Tricks wrote the search newer.',
    ]);
    expect(code).toBe(0);
    expect(await readdir(studies)).toHaveLength(3);
    expect(await readFile(join(studies, 'newer/search.json'), 'utf8')).toBe('{ "version": 99 }');
  });
});
