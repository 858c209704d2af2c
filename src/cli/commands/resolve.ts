import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import { type AllowOption, withAllow } from '../dataAccess';
import { readRecipe } from '../input';
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
  const recipe = await readRecipe(terminal, file, { ...options, overrides: overridesOf(options) });
  if (!recipe) return EXIT.badInput;
  terminal.printJson(recipe, 2);
  return EXIT.done;
}
