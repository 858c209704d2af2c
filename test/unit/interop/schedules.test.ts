import { describe, expect, test } from 'vitest';
import { SYSTEMS } from '../../../src/interop/export/commandLine';
import { translate } from '../../../src/interop/export/system';
import { learningRateAt } from '../../../src/recipe/schedule';
import rates from '../../fixtures/schedules.json';
import { scheduleCases, scheduleCommands } from '../../support/scheduleCases';

/** Notes about the learning rate. */
const OF_RATE = /warmup|milestones|rate|decay one_cycle|decay polynomial|decay linear/;

const cases = new Map(scheduleCases().map(({ name, recipe }) => [name, recipe]));

test('the learning rates were computed from the options that are exported today', () => {
  expect(rates.map(({ rates: _, ...command }) => command)).toEqual(scheduleCommands());
});

describe.each(rates)("$system's own scheduler, for $name", ({ name, system, rates: theirs }) => {
  test('gives our learning rates, or the export names the difference', () => {
    const recipe = cases.get(name);
    if (!recipe) throw new Error(name);
    const { schedule } = recipe;
    const { differences, missing } = translate(SYSTEMS[system as 'timm' | 'torchvision'], recipe);
    const notes = [...differences, ...missing].filter((note) => OF_RATE.test(note));
    const ours = Array.from({ length: schedule.totalSteps }, (_, step) => learningRateAt(schedule, step));
    const isSame =
      ours.length === theirs.length && ours.every((rate, step) => Math.abs(rate - theirs[step]!) < 1e-7);
    expect({ isSame, isNoted: notes.length > 0 }).toEqual({ isSame, isNoted: !isSame });
  });
});
