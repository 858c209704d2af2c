import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RunEvent } from '../../../src/protocol/events';
import { tricksTests } from './tricks';

const EXAMPLES = join(__dirname, '../../../examples');
/** The parts of the paper, one experiment each. */
const PAPER = readdirSync(EXAMPLES).filter((name) => name.startsWith('paper-'));

/** A few images of Fashion-MNIST's shape, with the file's own batch size, for one epoch. */
const SHORT = [
  ...['dataset=synthetic', 'train_images=512', 'validation_images=64'].map((set) => `data.${set}`),
  'schedule.epochs=1',
].flatMap((set) => ['--set', set]);

const newWorkplace = tricksTests();

const eventsOf = (stdout: string): RunEvent[] =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('the examples of the paper', () => {
  test('cover each of its parts once', () => {
    expect(PAPER.map((name) => basename(name, '.experiment.yaml'))).toEqual([
      'paper-1-baseline',
      'paper-2-efficient-training',
      'paper-3-model-tweaks',
      'paper-4-refinements',
    ]);
  });

  test.each(PAPER)('%s trains', async (name) => {
    const { tricks, folder } = await newWorkplace();
    const run = ['run', join(EXAMPLES, name), '--json', '--folder', folder, ...SHORT];
    const { code, stdout, stderr } = await tricks(run);
    expect(code, stderr).toBe(0);
    const events = eventsOf(stdout);
    const losses = events.flatMap((event) => (event.type === 'step' ? [event.loss] : []));
    expect(losses.length).toBeGreaterThan(1);
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(events.at(-1)?.type).toBe('done');
  });

  test('a run of one can be the teacher of the refined one', async () => {
    const { tricks, folder } = await newWorkplace();
    const run = (name: string, ...more: string[]) =>
      tricks(['run', join(EXAMPLES, name), '--json', '--folder', folder, ...SHORT, ...more]);
    expect((await run('paper-1-baseline.experiment.yaml')).code).toBe(0);
    const listed = await tricks(['runs', '--json', '--folder', folder]);
    const teacher: string = JSON.parse(listed.stdout)[0].id;
    const taught = await run(
      'paper-4-refinements.experiment.yaml',
      '--set',
      `tricks.distillation.teacher=${teacher}`,
    );
    expect(taught.code, taught.stderr).toBe(0);
    expect(eventsOf(taught.stdout).at(-1)?.type).toBe('done');
  });
});
