import { stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import { assertUsable, type DatasetIndex } from '../../datasets/index/datasetIndex';
import { imageFolderRequest, pathFrom, withLargerSplit } from '../../datasets/requestPaths';
import { STARTER_WEIGHTS, type StarterWeights, starterExperiment } from '../../insight/starterExperiment';
import type { OwnDatasetRequest } from '../../recipe/datasets';
import { formatCount } from '../../shared/format';
import { UserError } from '../../shared/userError';
import { allowFolder, isAllowed } from '../../system/allowedFolders';
import { type DataPlace, indexData } from '../dataAccess';
import { type CommandContext, type FolderOption, folderOption, rootOf } from '../options';
import { checkWritable, quoted, writeOutput } from '../output';
import { EXIT, type ExitCode, type Terminal } from '../terminal';

/** With fewer training images than this, published weights usually reach a higher accuracy. */
const FEW_FROM_SCRATCH = 2000;

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
  await checkFolder(images);
  const place = { root: await rootOf(terminal, options), folder: dirname(path) };
  if (!(await isAllowed(images, place.root))) await allowFolder(images);
  const { data, index } = await indexWithSplit(terminal, images, place);
  assertUsable(index, 'skip');
  const { facts, report } = index;
  const text = starterExperiment({ name, data, facts, weights });
  await writeOutput(path, `${text}\n`);
  const shown = pathFrom(process.cwd(), path);
  terminal.print(l10n.t('Wrote {0}.', shown));
  if (report.problems.length > 0) {
    terminal.print(
      l10n.t('Problems found in the images: {0}. The next command lists them.', report.problems.length),
    );
  }
  terminal.print(l10n.t('Check the images: {0}', `tricks data ${quoted(shown)}`));
  terminal.print(l10n.t('Train: {0}', `tricks run ${quoted(shown)}`));
  if (!weights && facts.trainImages < FEW_FROM_SCRATCH) {
    terminal.print(
      l10n.t(
        '{0} images are few to train from scratch. Fine-tuning usually does better: add {1}.',
        formatCount(facts.trainImages),
        '--force --weights torchvision:resnet18',
      ),
    );
  }
  return EXIT.done;
}

async function checkFolder(images: string): Promise<void> {
  if ((await stat(images).catch(() => null))?.isDirectory()) return;
  throw new UserError({
    what: l10n.t('There is no folder {0}.', images),
    remedy: l10n.t('Check the path; it is taken from {0}.', process.cwd()),
  });
}

/** Indexes a folder of images; where they are few and are split, more of them are for validation. */
async function indexWithSplit(
  terminal: Terminal,
  images: string,
  place: DataPlace,
): Promise<{ readonly data: OwnDatasetRequest; readonly index: DatasetIndex }> {
  const data = imageFolderRequest(images, place.folder);
  const index = await indexData(terminal, data, place);
  const larger = withLargerSplit(data, index.facts);
  return larger ? { data: larger, index: await indexData(terminal, larger, place) } : { data, index };
}

function weightsCalled(name: string): StarterWeights {
  const found = STARTER_WEIGHTS.find((weights) => weights.name === name || weights.name.endsWith(`:${name}`));
  if (found) return found;
  throw new UserError({
    what: l10n.t('The weights {0} are not among those that this command knows.', name),
    remedy: l10n.t(
      'Use one of {0}. For a file of your own, leave {1} out and write {2} into the experiment.',
      STARTER_WEIGHTS.map((weights) => weights.name).join(', '),
      '--weights',
      '"init: FILE"',
    ),
  });
}
