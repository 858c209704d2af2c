import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { experimentText } from '../../support/smallTraining';
import { tricksTests } from './tricks';

const work = tricksTests();
const FILE = 'small.experiment.yaml';

describe('tricks lr-find', () => {
  it('trains a range test, plots it and suggests learning rates to try', async () => {
    const { folder, tricks, write, manifest } = await work();
    await write(FILE, experimentText());
    const { code, stdout, stderr } = await tricks(['lr-find', FILE, '--from', '0.001', '--steps', '100']);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const { id, name, recipe, state } = await manifest();
    expect(name).toBe('small (range test)');
    expect(state.status).toBe('stopped');
    expect(recipe.schedule.decay).toEqual({ name: 'range_test', startFactor: 0.0001 });
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toBe('Smoothed loss over base_lr');
    expect(lines.filter((line) => line.includes('*'))).not.toHaveLength(0);
    expect(lines.some((line) => line.includes('1e-3') && line.includes('1e0'))).toBe(true);
    expect(stdout).toMatch(/^S: steepest descent: base_lr [\d.e-]+$/m);
    expect(stdout).toMatch(/^M: one tenth of the learning rate at the minimum: base_lr [\d.e-]+$/m);
    expect(stdout).toMatch(/^Try it: tricks run small\.experiment\.yaml --set optimizer\.base_lr=[\d.e-]+$/m);
    expect(lines.at(-1)).toBe(`Run: ${join(folder, '.bag-of-tricks/runs', id)}`);
  });

  it('with --json prints the suggestions and every step, and says why there is none', async () => {
    const { tricks, write } = await work();
    await write(FILE, experimentText());
    const args = ['lr-find', FILE, '--from', '0.00001', '--to', '0.00002', '--steps', '40', '--json'];
    const { code, stdout } = await tricks(args);
    expect(code).toBe(1);
    const result = JSON.parse(stdout);
    expect(result.points).toHaveLength(40);
    expect(result.points[0].base_lr).toBeCloseTo(0.00001, 12);
    expect(result.points.at(-1).base_lr).toBeCloseTo(0.00002, 12);
    expect(result.steepest).toEqual({ base_lr: null, reason: 'never_fell' });
    expect(result.tenth_of_minimum).toEqual({ base_lr: null, reason: 'never_fell' });
  });

  it.each([
    [['--from', '1', '--to', '0.1'], '--from 1 is not below --to 0.1.'],
    [['--from', '0'], 'It must be a number above 0.'],
    [['--steps', '5'], 'It must be a whole number of at least 20.'],
  ])('refuses %j', async (args, message) => {
    const { tricks, write } = await work();
    await write(FILE, experimentText());
    const { code, stderr } = await tricks(['lr-find', FILE, ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
