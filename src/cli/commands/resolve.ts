import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import { readTraining } from '../commandInput';
import { type AllowOption, withAllow } from '../dataAccess';
import {
  type CommandContext,
  experimentArgument,
  type OverrideOptions,
  overridesOf,
  withOverrides,
} from '../options';
import { EXIT, type ExitCode, type Terminal } from '../terminal';

export function addResolveCommand(program: Command, { terminal, end }: CommandContext): void {
  withAllow(withOverrides(program.command('resolve')))
    .description(l10n.t('print the resolved recipe of an experiment, as JSON'))
    .argument(...experimentArgument())
    .action(async (file: string, options: OverrideOptions & AllowOption) => {
      end(await printRecipe(terminal, file, options));
    });
}

/** Prints the recipe that an experiment resolves to, as JSON. */
async function printRecipe(
  terminal: Terminal,
  file: string,
  options: OverrideOptions & AllowOption,
): Promise<ExitCode> {
  const overrides = overridesOf(options);
  const read = await readTraining(terminal, file, { ...options, overrides, isTrained: false });
  if (!read) return EXIT.badInput;
  for (const warning of read.warnings) terminal.note(warning);
  terminal.printJson(read.recipe, 2);
  return EXIT.done;
}
