import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import { createRun } from '../../runs/store';
import { type AllowOption, withAllow } from '../dataAccess';
import { readExperiment } from '../input';
import {
  type CommandContext,
  experimentArgument,
  type FolderOption,
  folderOption,
  type JsonOption,
  type OverrideOptions,
  overridesOf,
  rootOf,
  withSet,
} from '../options';
import { VERSIONS } from '../package';
import { EXIT, type ExitCode, type Terminal } from '../terminal';
import { train } from '../train';

type RunOptions = OverrideOptions & AllowOption & FolderOption & JsonOption;

export function addRunCommand(program: Command, { terminal, end }: CommandContext): void {
  withAllow(withSet(program.command('run')))
    .description(l10n.t('train an experiment'))
    .argument(...experimentArgument())
    .option('--engine <name>', l10n.t('replace the engine of the file'))
    .option('--seed <number>', l10n.t('replace the seed of the file'))
    .option('--json', l10n.t('print every event as one line of JSON'))
    .option(...folderOption())
    .action(async (file: string, options: RunOptions) => end(await run(terminal, file, options)));
}

/** Trains an experiment until it is done, fails or is interrupted. */
async function run(terminal: Terminal, file: string, options: RunOptions): Promise<ExitCode> {
  const experiment = await readExperiment(terminal, file, {
    ...options,
    overrides: overridesOf(options),
    isTrained: true,
  });
  if (!experiment) return EXIT.badInput;
  const { text, recipe, warnings } = experiment;
  for (const warning of warnings) terminal.note(warning);
  const root = await rootOf(terminal, options);
  const creation = await createRun(root, {
    experimentFile: file,
    experimentText: text,
    recipe,
    versions: VERSIONS,
  });
  if (!creation.ok) {
    terminal.fail(creation.failure);
    return EXIT.failed;
  }
  return train(terminal, { root, folder: creation.folder, recipe }, options);
}
