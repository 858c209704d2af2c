import { basename, dirname, resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import { allowFolder, isAllowed } from '../../datasets/consent';
import { assertUsable } from '../../datasets/index/datasetIndex';
import { imageFolderRequest, pathFrom } from '../../datasets/requestPaths';
import { STARTER_WEIGHTS, type StarterWeights, starterExperiment } from '../../insight/starterExperiment';
import { UserError } from '../../shared/userError';
import { indexData } from '../dataAccess';
import { type CommandContext, type FolderOption, folderOption, rootOf } from '../options';
import { checkWritable, writeOutput } from '../output';
import { EXIT, type ExitCode, type Terminal } from '../terminal';

interface NewOptions extends FolderOption {
  readonly data: string;
  readonly weights?: string;
  readonly name?: string;
  readonly force?: boolean;
}

export function addNewCommand(program: Command, { terminal, end }: CommandContext): void {
  program
    .command('new')
    .description(l10n.t('write an experiment for a folder of images, with numbers that suit them'))
    .argument('[file]', l10n.t('the experiment file; by default named after the images, in this folder'))
    .requiredOption(
      '--data <folder>',
      l10n.t('images in a folder for each class, perhaps below train and val; naming it lets them be read'),
    )
    .option('--weights <name>', l10n.t('fine-tune published weights, such as {0}', 'torchvision:resnet18'))
    .option('--name <name>', l10n.t("the experiment's name; by default the folder's"))
    .option('--force', l10n.t('replace a file that is there already'))
    .option(...folderOption())
    .addHelpText(
      'after',
      `
${l10n.t('Examples:')}
  tricks new --data photos
  tricks new --data photos --weights torchvision:resnet18 photos-tuned.experiment.yaml`,
    )
    .action(async (file: string | undefined, options: NewOptions) => {
      end(await newExperiment(terminal, file, options));
    });
}

/** Indexes a folder of images and writes an experiment for them. */
async function newExperiment(
  terminal: Terminal,
  file: string | undefined,
  options: NewOptions,
): Promise<ExitCode> {
  const weights = options.weights === undefined ? null : weightsCalled(options.weights);
  const images = resolve(options.data);
  const name = options.name ?? basename(images);
  const path = resolve(file ?? `${name.replace(/[\\/:*?"<>|]/g, '-')}.experiment.yaml`);
  // Before the images are looked at, which may take long.
  await checkWritable(path, options.force ?? false);
  const place = { root: await rootOf(options), folder: dirname(path) };
  if (!(await isAllowed(images, place.root))) await allowFolder(images);
  const data = imageFolderRequest(images, place.folder);
  const index = await indexData(terminal, data, place);
  assertUsable(index, 'skip');
  const { facts } = index;
  const text = starterExperiment({ name, data, facts, weights });
  await writeOutput(path, `${text}\n`);
  const shown = pathFrom(process.cwd(), path);
  terminal.print(l10n.t('Wrote {0}.', shown));
  terminal.print(l10n.t('See the images: {0}', `tricks data ${quoted(shown)}`));
  terminal.print(l10n.t('Train: {0}', `tricks run ${quoted(shown)}`));
  return EXIT.done;
}

function weightsCalled(name: string): StarterWeights {
  const found = STARTER_WEIGHTS.find((weights) => weights.name === name || weights.name.endsWith(`:${name}`));
  if (found) return found;
  throw new UserError({
    what: l10n.t('There is no beginning for the weights {0}.', name),
    remedy: l10n.t('Use one of {0}.', STARTER_WEIGHTS.map((weights) => weights.name).join(', ')),
  });
}

function quoted(path: string): string {
  return /^[\w./:\\@+-]+$/.test(path) ? path : `"${path}"`;
}
