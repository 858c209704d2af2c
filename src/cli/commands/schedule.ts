import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import { learningRateAt, type Schedule } from '../../recipe/schedule';
import { isSystemError } from '../../system/errors';
import { type AllowOption, withAllow } from '../dataAccess';
import { readRecipe } from '../input';
import {
  type CommandContext,
  experimentArgument,
  type OverrideOptions,
  overridesOf,
  withSet,
} from '../options';
import { EXIT, type ExitCode, type Terminal } from '../terminal';

const LINES_AT_ONCE = 4096;

export function addScheduleCommand(program: Command, { terminal, end }: CommandContext): void {
  withAllow(withSet(program.command('schedule')))
    .description(l10n.t('print the learning rate of every step, as CSV'))
    .argument(...experimentArgument())
    .action(async (file: string, options: OverrideOptions & AllowOption) => {
      end(await printSchedule(terminal, file, options));
    });
}

/** Prints the learning rate of every step, as CSV. */
async function printSchedule(
  terminal: Terminal,
  file: string,
  options: OverrideOptions & AllowOption,
): Promise<ExitCode> {
  const recipe = await readRecipe(terminal, file, { ...options, overrides: overridesOf(options) });
  if (!recipe) return EXIT.badInput;
  try {
    await terminal.printChunks(scheduleCsv(recipe.schedule));
  } catch (error) {
    if (!isSystemError(error, 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE')) throw error;
  }
  return EXIT.done;
}

/** Yields a schedule as CSV, many lines per chunk. Steps and epochs count from 0. */
function* scheduleCsv(schedule: Schedule): Generator<string> {
  yield 'step,epoch,lr\n';
  for (let first = 0; first < schedule.totalSteps; first += LINES_AT_ONCE) {
    let lines = '';
    for (let step = first; step < Math.min(first + LINES_AT_ONCE, schedule.totalSteps); step++) {
      lines += `${step},${Math.floor(step / schedule.stepsPerEpoch)},${learningRateAt(schedule, step)}\n`;
    }
    yield lines;
  }
}
