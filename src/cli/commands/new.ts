import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import { assertUsable, type DatasetIndex } from '../../datasets/index/datasetIndex';
import { imageFolderRequest, pathFrom, withLargerSplit } from '../../datasets/requestPaths';
import {
  fileNameFor,
  namedExample,
  SMALL_EXAMPLE,
  STARTER_WEIGHTS,
  type StarterWeights,
  starterExperiment,
} from '../../insight/starterExperiment';
import { commandExperimentText } from '../../interop/command/writer';
import type { OwnDatasetRequest } from '../../recipe/datasets';
import { counted } from '../../shared/counted';
import { UserError } from '../../shared/userError';
import { allowFolder, isAllowed, quoted } from '../../system/allowedFolders';
import { filesOfCommand } from '../commandInput';
import { type DataPlace, indexData } from '../dataAccess';
import { readText } from '../input';
import { type CommandContext, type FolderOption, folderOption, rootOf } from '../options';
import { checkWritable, writeOutput } from '../output';
import { EXAMPLES_PATH } from '../package';
import { EXIT, type ExitCode, type Terminal } from '../terminal';

/** With fewer training images than this, pretrained weights usually reach a higher accuracy. */
const FEW_FROM_SCRATCH = 2000;

interface NewOptions extends FolderOption {
  readonly data?: string;
  readonly from?: string;
  readonly weights?: string;
  readonly name?: string;
  readonly force?: boolean;
}

export function addNewCommand(program: Command, { terminal, end }: CommandContext): void {
  program
    .command('new')
    .description(
      l10n.t(
        "write an experiment: a small one to start with, one that suits a folder of images, or one that runs another system's file",
      ),
    )
    .argument('[file]', l10n.t('the experiment file; by default named after the experiment, in this folder'))
    .option(
      '--data <folder>',
      l10n.t(
        'a folder of images with one folder per class, optionally under train and val; this also allows it to be read',
      ),
    )
    .option(
      '--from <file>',
      l10n.t(
        "run the command of this file: timm's args.yaml, a shell script that calls timm's or torchvision's train.py, or an MMPretrain config",
      ),
    )
    .option('--weights <name>', l10n.t('fine-tune published weights, such as {0}', 'torchvision:resnet18'))
    .option(
      '--name <name>',
      l10n.t("the experiment's name; by default the name of the file or the folder, otherwise you are asked"),
    )
    .option('--force', l10n.t('overwrite an existing file'))
    .option(...folderOption())
    .addHelpText(
      'after',
      `
${l10n.t('Examples:')}
  tricks new --name first-try
  tricks new --data photos
  tricks new --data photos --weights torchvision:resnet18 photos-tuned.experiment.yaml
  tricks new --from args.yaml`,
    )
    .action(async (file: string | undefined, options: NewOptions) => {
      const { data, from, ...others } = options;
      if (from !== undefined) return end(await newFrom(terminal, file, { ...options, from }));
      end(
        data === undefined
          ? await newSmall(terminal, file, others)
          : await newExperiment(terminal, file, { ...others, data }),
      );
    });
}

/** Writes a small experiment on images that ship with the package. */
async function newSmall(
  terminal: Terminal,
  file: string | undefined,
  { name: given, weights, force = false }: Omit<NewOptions, 'data' | 'from'>,
): Promise<ExitCode> {
  if (weights !== undefined) {
    throw new UserError({
      what: l10n.t(
        '{0} fine-tunes weights on your own images, but {1} got no folder of images.',
        '--weights',
        'tricks new',
      ),
      remedy: l10n.t('Specify the folder: {0}', `tricks new --data FOLDER --weights ${quoted(weights)}`),
    });
  }
  const ofFile = file && basename(file).replace(/(\.experiment)?\.\w+$/, '');
  const name = (given ?? ofFile ?? (await terminal.ask(l10n.t('Name of the experiment:'))) ?? '').trim();
  if (name === '') {
    throw new UserError({
      what: l10n.t('The new experiment has no name.'),
      remedy: l10n.t(
        'Give it one: {0}. Or specify a folder of images to train on: {1}',
        'tricks new --name NAME',
        'tricks new --data FOLDER',
      ),
    });
  }
  const path = resolve(file ?? `${fileNameFor(name)}.experiment.yaml`);
  await checkWritable(path, force);
  const example = await readFile(join(EXAMPLES_PATH, `${SMALL_EXAMPLE}.experiment.yaml`), 'utf8');
  await writeOutput(path, namedExample(example, name));
  const shown = pathFrom(process.cwd(), path);
  terminal.print(l10n.t('Wrote {0}.', shown));
  terminal.print(l10n.t('Train: {0}', `tricks run ${quoted(shown)}`));
  return EXIT.done;
}

/** Indexes an image folder and writes an experiment for it. */
async function newExperiment(
  terminal: Terminal,
  file: string | undefined,
  options: NewOptions & { readonly data: string },
): Promise<ExitCode> {
  const weights = options.weights === undefined ? null : weightsCalled(options.weights);
  const images = resolve(options.data);
  const name = options.name ?? basename(images);
  const path = resolve(file ?? `${fileNameFor(name)}.experiment.yaml`);
  // Check before the scan of the images, which may take long.
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
        'Only {0} for training from scratch. Fine-tuning usually does better: add {1}.',
        counted(facts.trainImages, 'image'),
        '--force --weights torchvision:resnet18',
      ),
    );
  }
  return EXIT.done;
}

/** Writes an experiment that runs the command of another system's file, by default beside that file. */
async function newFrom(
  terminal: Terminal,
  file: string | undefined,
  options: NewOptions & { readonly from: string },
): Promise<ExitCode> {
  const { from, name, force = false } = options;
  const other = (['data', 'weights'] as const).find((key) => options[key] !== undefined);
  if (other !== undefined) {
    throw new UserError({
      what: l10n.t('{0} and {1} exclude each other.', '--from', `--${other}`),
      remedy: l10n.t('Remove one of them.'),
    });
  }
  const source = resolve(from);
  const beside = join(dirname(source), `${basename(source).replace(/\.[^.]*$/, '')}.experiment.yaml`);
  const path = resolve(file ?? beside);
  if (dirname(path) !== dirname(source)) {
    throw new UserError({
      what: l10n.t('An experiment that runs the command of {0} must be in the same folder.', from),
      remedy: l10n.t('Its paths start there. Name it {0}.', pathFrom(process.cwd(), beside)),
    });
  }
  await checkWritable(path, force);
  const root = await rootOf(terminal, options);
  const written = commandExperimentText(await readText(source), source, {
    readText: filesOfCommand(root),
    isLifted: true,
  });
  if (!written.ok) throw new UserError(written.failure);
  const text = name === undefined ? written.text : namedExample(written.text, name);
  await writeOutput(path, text);
  const shown = pathFrom(process.cwd(), path);
  terminal.print(l10n.t('Wrote {0}.', shown));
  if (written.isFolderOpen) {
    terminal.print(l10n.t('Set the folder of the training script in the experiment, then run it.'));
  }
  terminal.print(l10n.t('Train: {0}', `tricks run ${quoted(shown)}`));
  return EXIT.done;
}

async function checkFolder(images: string): Promise<void> {
  if ((await stat(images).catch(() => null))?.isDirectory()) return;
  throw new UserError({
    what: l10n.t('The folder {0} does not exist.', images),
    remedy: l10n.t('Check the path. It is relative to {0}.', process.cwd()),
  });
}

/** Indexes an image folder. If the images are few and have to be split, holds out a larger validation share. */
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
    what: l10n.t('This command does not know the weights {0}.', name),
    remedy: l10n.t(
      'Use one of {0}. For your own file, omit {1} and write {2} into the experiment.',
      STARTER_WEIGHTS.map((weights) => weights.name).join(', '),
      '--weights',
      '"init: FILE"',
    ),
  });
}
