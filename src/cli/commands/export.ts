import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as l10n from '@vscode/l10n';
import { type Command, Option } from 'commander';
import { commandLine } from '../../interop/export/commandLine';
import { imageInputOf } from '../../interop/export/imageInput';
import { encodeOnnx } from '../../interop/export/onnx';
import { stateDictOf } from '../../interop/export/stateDict';
import { SYSTEM_NAMES, type SystemName } from '../../interop/export/system';
import { timmFolder, timmModelOf } from '../../interop/export/timmFolder';
import { loadingText, weightsFormat } from '../../interop/export/weightsFormat';
import { sizeOf } from '../../models/graph';
import { modelText } from '../../models/modelText';
import { graphOf } from '../../recipe/draft';
import { RECIPE_VERSION } from '../../recipe/recipe';
import { encodeSafetensors } from '../../shared/safetensors';
import { UserError } from '../../shared/userError';
import { allowOption } from '../dataAccess';
import { brokenRunFailure, findRun } from '../input';
import { type CommandContext, type FolderOption, folderOption, rootOf, runArgument } from '../options';
import { checkWritable, writeOutput } from '../output';
import { version } from '../package';
import {
  CHECKPOINT_NAMES,
  type CheckpointName,
  type ReadableRun,
  type RunWeights,
  readRunWeights,
} from '../runWeights';
import { EXIT, type ExitCode, type Terminal } from '../terminal';

interface ExportOptions extends FolderOption {
  /** The files to write, and the folder. */
  readonly weights?: string;
  readonly onnx?: string;
  readonly timmFolder?: string;
  readonly format?: SystemName;
  readonly checkpoint?: CheckpointName;
  /** The moving average of the weights, in place of the weights. */
  readonly average?: boolean;
  readonly force?: boolean;
  /** The system whose command is printed. */
  readonly recipe?: SystemName;
}

export function addExportCommand(program: Command, { terminal, end }: CommandContext): void {
  program
    .command('export')
    .description(
      l10n.t("write a run's model for other programs, or print the command that trains its recipe elsewhere"),
    )
    .argument(...runArgument())
    .option('--onnx <file>', l10n.t('write the model to an ONNX file, with class names and preprocessing'))
    .option(
      '--timm-folder <dir>',
      l10n.t("write the model to a folder for timm's create_model, with the same"),
    )
    .option('--weights <file>', l10n.t('write its weights to a safetensors file, in the layout of PyTorch'))
    .addOption(
      new Option(
        '--format <name>',
        l10n.t('whose names the weights have; by default those of who has the model'),
      ).choices(SYSTEM_NAMES),
    )
    .addOption(
      new Option(
        '--checkpoint <name>',
        l10n.t('which weights; by default the best for {0} and {1}, the last for {2}', ...DEFAULTS_OF),
      ).choices(CHECKPOINT_NAMES),
    )
    .option('--average', l10n.t("export the weights' moving average, of a run with the trick ema"))
    .option('--force', l10n.t('replace a file that is there already'))
    .addOption(
      new Option(
        '--recipe <name>',
        l10n.t('print the command that trains its recipe with that system'),
      ).choices(SYSTEM_NAMES),
    )
    .option(...folderOption())
    .option(...allowOption())
    .addHelpText(
      'after',
      `
${l10n.t(
  'An ONNX model takes images: float32 [batch, channels, height, width], normalised as (pixel / 255 - mean) / std, and gives logits: float32 [batch, classes]. Its metadata hold class_names, mean, std, image_size, channels, interpolation, crop_pct, model and run_id; lists are JSON.',
)}

${l10n.t(
  'Weights are exported for the very model of torchvision or timm that computes the same, whose load_state_dict(strict=True) takes them; the command says how to build it. A model that neither has keeps its own names. The bottlenecks of ResNet-A have their stride in the first 1x1 convolution, those of both systems in the 3x3, as B has.',
)}

${l10n.t('Examples:')}
  tricks export last --onnx flowers.onnx
  tricks export last --timm-folder flowers
  tricks export last --weights resnet18.safetensors
  tricks export last --weights resnet50d.safetensors --format timm --checkpoint best
  tricks export last --recipe timm > train.sh`,
    )
    .action(async (reference: string, options: ExportOptions) => {
      end(await exportRun(terminal, await rootOf(terminal, options), reference, options));
    });
}

const DEFAULTS_OF = ['--onnx', '--timm-folder', '--weights'] as const;

/** Exports a run's model or weights, or the command that trains its recipe elsewhere. */
async function exportRun(
  terminal: Terminal,
  root: string,
  reference: string,
  options: ExportOptions,
): Promise<ExitCode> {
  const { weights, onnx, timmFolder: folder, recipe } = options;
  if ([weights, onnx, folder, recipe].every((asked) => asked === undefined)) {
    throw new UserError({
      what: l10n.t('There is nothing to export.'),
      remedy: l10n.t(
        'Add one or more of {0}, {1}, {2} and {3}.',
        '--onnx FILE.onnx',
        '--timm-folder FOLDER',
        '--weights FILE.safetensors',
        '--recipe timm',
      ),
    });
  }
  const run = await findRun(root, reference);
  if (run.kind === 'broken') {
    throw new UserError(brokenRunFailure(run));
  }
  if (run.manifest.recipe.version !== RECIPE_VERSION) {
    const { version: written } = run.manifest.recipe;
    throw new UserError({
      what: l10n.t(
        'The recipe of {0} has version {1}; this release exports version {2}.',
        run.id,
        written,
        RECIPE_VERSION,
      ),
      remedy: l10n.t('Export it by the release that trained it, or run its experiment again.'),
    });
  }
  if (weights !== undefined) await exportWeights(terminal, run, weights, options);
  if (onnx !== undefined) await exportOnnx(terminal, run, onnx, options);
  if (folder !== undefined) await exportTimmFolder(terminal, run, folder, options);
  if (recipe !== undefined) terminal.printText(commandLine(recipe, run.manifest.recipe).trimEnd());
  return EXIT.done;
}

async function exportWeights(
  terminal: Terminal,
  run: ReadableRun,
  file: string,
  options: ExportOptions,
): Promise<void> {
  const { recipe } = run.manifest;
  const graph = graphOf(recipe);
  const format = weightsFormat(recipe.model, graph, options.format);
  if ('what' in format) throw new UserError(format);
  await checkWritable(file, options.force ?? false);
  const { average = false, checkpoint = 'last' } = options;
  const read = await readRunWeights(terminal, run, { average, checkpoint });
  const state = stateDictOf(graph, read.values, batchesOf(run, read)).map(format.rename);
  const exported = encodeSafetensors({ metadata: { format: 'pt', exported_from: run.id }, tensors: state });
  await writeOutput(file, exported);
  for (const note of format.notes) terminal.note(note);
  const facts = [
    file,
    state.length,
    state.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    format.system ?? l10n.t('Bag of Tricks'),
    read.steps,
  ] as const;
  say(
    terminal,
    options,
    average
      ? l10n.t(
          "Wrote {0}: the moving average of {1} tensors of {2} values, under {3}'s names, as it was after {4} steps.",
          ...facts,
        )
      : l10n.t(
          "Wrote {0}: {1} tensors of {2} values, under {3}'s names, as they were after {4} steps.",
          ...facts,
        ),
  );
  const loading = loadingText(format);
  if (loading) say(terminal, options, loading);
}

async function exportOnnx(
  terminal: Terminal,
  run: ReadableRun,
  file: string,
  options: ExportOptions,
): Promise<void> {
  const { recipe } = run.manifest;
  await checkWritable(file, options.force ?? false);
  const read = await readModelWeights(terminal, run, options);
  const model = modelText(recipe.model);
  const input = imageInputOf(recipe);
  const facts = { name: recipe.name, model, runId: run.id, version, input };
  await writeOutput(file, encodeOnnx(graphOf(recipe), read.values, facts));
  const { channels, height, width, classNames } = input;
  say(terminal, options, l10n.t('Wrote {0}: {1}, as it was after {2} steps.', file, model, read.steps));
  say(
    terminal,
    options,
    l10n.t(
      'It takes normalised images [batch, {0}] and gives logits [batch, {1}].',
      [channels, height, width].join(', '),
      classNames.length,
    ),
  );
  say(
    terminal,
    options,
    l10n.t('Load it in Python: {0}', `onnxruntime.InferenceSession(${JSON.stringify(file)})`),
  );
}

async function exportTimmFolder(
  terminal: Terminal,
  run: ReadableRun,
  folder: string,
  options: ExportOptions,
): Promise<void> {
  const { recipe } = run.manifest;
  const graph = graphOf(recipe);
  const model = timmModelOf(recipe.model, graph);
  if ('what' in model) throw new UserError(model);
  const weights = join(folder, 'model.safetensors');
  const config = join(folder, 'config.json');
  for (const file of [weights, config]) await checkWritable(file, options.force ?? false);
  const read = await readModelWeights(terminal, run, options);
  const files = timmFolder(graph, read.values, {
    ...model,
    runId: run.id,
    batches: batchesOf(run, read),
    input: imageInputOf(recipe),
  });
  // A folder without a config is none to timm: it never sees new weights beside an old config.
  await rm(config, { force: true });
  await writeOutput(weights, files['model.safetensors']);
  await writeOutput(config, files['config.json']);
  say(
    terminal,
    options,
    l10n.t(
      'Wrote {0} and {1}: {2} of timm, as it was after {3} steps.',
      weights,
      config,
      model.architecture,
      read.steps,
    ),
  );
  const loading = `timm.create_model(${JSON.stringify(`local-dir:${folder}`)}, pretrained=True)`;
  say(terminal, options, l10n.t('Load it in Python: {0}', loading));
}

/** The weights of a model that is used: the best ones, unless others are asked for. */
function readModelWeights(
  terminal: Terminal,
  run: ReadableRun,
  { average = false, checkpoint = average ? 'last' : 'best' }: ExportOptions,
): Promise<RunWeights> {
  return readRunWeights(terminal, run, { average, checkpoint });
}

/** Batches that the running statistics of a run's weights have seen. */
function batchesOf({ manifest: { recipe } }: ReadableRun, { steps }: RunWeights): number {
  return steps * recipe.gradients.accumulation;
}

/** Says what was done; beside a command on standard output there must be nothing else. */
function say(terminal: Terminal, { recipe }: ExportOptions, text: string): void {
  if (recipe === undefined) terminal.print(text);
  else terminal.note(text);
}
