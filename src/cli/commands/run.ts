import { dirname, resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import { assertUsable } from '../../datasets/index/datasetIndex';
import { assertSameImages } from '../../datasets/index/openIndexed';
import { networkRecipe } from '../../recipe/anyRecipe';
import { isOwnDataset } from '../../recipe/datasets';
import { termsOf } from '../../runs/queue';
import { createRun } from '../../runs/store';
import { repeatRun } from '../../runs/upkeep/again';
import { UserError } from '../../shared/userError';
import { readTraining } from '../commandInput';
import { type AllowOption, ensureAllowed, indexData, withAllow } from '../dataAccess';
import { brokenRunFailure, findRun } from '../input';
import {
  type CommandContext,
  type FolderOption,
  folderOption,
  type JsonOption,
  type OverrideOptions,
  overridesOf,
  rootOf,
  withOverrides,
} from '../options';
import { ensureOwn } from '../ownRuns';
import { VERSIONS } from '../package';
import { EXIT, type ExitCode, type Terminal } from '../terminal';
import { train } from '../train';

interface RunOptions extends OverrideOptions, AllowOption, FolderOption, JsonOption {
  readonly again?: string;
}

export function addRunCommand(program: Command, { terminal, end }: CommandContext): void {
  withAllow(withOverrides(program.command('run')))
    .description(l10n.t('train an experiment'))
    .argument('[file]', l10n.t('an experiment file, YAML or JSON'))
    .option(
      '--again <run>',
      l10n.t('repeat a run with its own recipe and seed, even if its file has changed'),
    )
    .option('--json', l10n.t('print every event as one line of JSON'))
    .option(...folderOption())
    .action(async (file: string | undefined, options: RunOptions) => {
      end(await runOrRepeat(terminal, file, options));
    });
}

function runOrRepeat(terminal: Terminal, file: string | undefined, options: RunOptions): Promise<ExitCode> {
  const { again } = options;
  if (again === undefined) {
    if (file !== undefined) return run(terminal, file, options);
    throw new UserError({
      what: l10n.t('There is nothing to run.'),
      remedy: l10n.t('Specify an experiment file, or a run with {0}.', '--again RUN'),
    });
  }
  if (file !== undefined || overridesOf(options).length > 0) {
    throw new UserError({
      what: l10n.t(
        'A run is repeated as it was: {0} cannot be combined with a file, engine, seed or value.',
        '--again',
      ),
      remedy: l10n.t('To change something, run the file instead: {0}', 'tricks run FILE --seed 2'),
    });
  }
  return repeat(terminal, again, options);
}

/** Trains a run's own recipe again, as a new run. */
async function repeat(terminal: Terminal, reference: string, options: RunOptions): Promise<ExitCode> {
  const root = await rootOf(terminal, options);
  const run = await findRun(root, reference);
  if (run.kind === 'broken') {
    terminal.fail(brokenRunFailure(run));
    return EXIT.failed;
  }
  await ensureOwn(terminal, [run], options, `tricks run --again ${run.id}`);
  const { recipe, experiment } = run.manifest;
  const data = networkRecipe(recipe)?.data;
  if (data && isOwnDataset(data.source)) {
    const { source, dataset, images } = data;
    const place = { root, folder: dirname(resolve(root, experiment.file)) };
    await ensureAllowed(terminal, source, place);
    const index = await indexData(terminal, source, place);
    assertSameImages(index, dataset.fingerprint);
    assertUsable(index, images?.onBadImage ?? 'fail');
  }
  const creation = await repeatRun(root, run, VERSIONS);
  if (!creation.ok) {
    terminal.fail(creation.failure);
    return EXIT.failed;
  }
  const { threads } = await termsOf(run.folder);
  return train(terminal, { root, folder: creation.folder, recipe }, options, threads ? { threads } : {});
}

/** Trains an experiment until it finishes, fails or is interrupted. */
async function run(terminal: Terminal, file: string, options: RunOptions): Promise<ExitCode> {
  const settings = overridesOf(options);
  const experiment = await readTraining(terminal, file, { ...options, overrides: settings });
  if (!experiment) return EXIT.badInput;
  const { text, recipe, warnings } = experiment;
  for (const warning of warnings) terminal.note(warning);
  const root = await rootOf(terminal, options);
  const creation = await createRun(root, {
    experimentFile: file,
    experimentText: text,
    settings,
    recipe,
    versions: VERSIONS,
  });
  if (!creation.ok) {
    terminal.fail(creation.failure);
    return EXIT.failed;
  }
  return train(terminal, { root, folder: creation.folder, recipe }, options);
}
