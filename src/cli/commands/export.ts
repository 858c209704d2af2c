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
import { networkRun } from '../../runs/networkRun';
import { counted } from '../../shared/counted';
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
  /** The files and the folder to write. */
  readonly weights?: string;
  readonly onnx?: string;
  readonly timmFolder?: string;
  readonly format?: SystemName;
  readonly checkpoint?: CheckpointName;
  /** Export the moving average of the weights instead of the weights. */
  readonly average?: boolean;
  readonly force?: boolean;
  /** The system to print a training command for. */
  readonly recipe?: SystemName;
}

export function addExportCommand(program: Command, { terminal, end }: CommandContext): void {
  program
    .command('export')
    .description(
      l10n.t(
        "export a run's model for other programs, or print the command that trains its recipe elsewhere",
      ),
    )
    .argument(...runArgument())
    .option('--onnx <file>', l10n.t('write the model to an ONNX file, with class names and preprocessing'))
    .option(
      '--timm-folder <dir>',
      l10n.t("write the model to a folder for timm's create_model, with class names and preprocessing"),
    )
    .option('--weights <file>', l10n.t('write its weights to a safetensors file, in PyTorch layout'))
    .addOption(
      new Option(
        '--format <name>',
        l10n.t('use the weight names of this library; by default of the one that has the model'),
      ).choices(SYSTEM_NAMES),
    )
    .addOption(
      new Option(
        '--checkpoint <name>',
        l10n.t(
          'choose the checkpoint; by default the best for {0} and {1}, the last for {2}',
          ...DEFAULTS_OF,
        ),
      ).choices(CHECKPOINT_NAMES),
    )
    .option('--average', l10n.t('export the EMA weights, of a run with the trick ema'))
    .option('--force', l10n.t('overwrite an existing file'))
    .addOption(
      new Option(
        '--recipe <name>',
        l10n.t('print the command that trains its recipe with this library'),
      ).choices(SYSTEM_NAMES),
    )
    .option(...folderOption())
    .option(...allowOption())
    .addHelpText(
      'after',
      `
${l10n.t(
  'An ONNX model takes images, float32 [batch, channels, height, width], normalized as (pixel / 255 - mean) / std, and returns logits, float32 [batch, classes]. Its metadata has class_names, mean, std, image_size, channels, interpolation, crop_pct, model and run_id. Lists are JSON.',
)}

${l10n.t(
  'Weights are exported for the exact torchvision or timm model that computes the same, so its load_state_dict(strict=True) accepts them. The command prints how to build that model. A model that neither library has keeps its own names. ResNet-A bottlenecks have their stride in the first 1x1 convolution. In both libraries the stride is in the 3x3 convolution, as in ResNet-B.',
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

/** Exports a run's model or weights, or prints the command that trains its recipe in another system. */
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
  const found = await findRun(root, reference);
  if (found.kind === 'broken') {
    throw new UserError(brokenRunFailure(found));
  }
  const run = networkRun(found);
  if (run.manifest.recipe.version !== RECIPE_VERSION) {
    const { version: written } = run.manifest.recipe;
    throw new UserError({
      what: l10n.t(
        'The recipe of {0} has version {1}, but this release exports version {2}.',
        run.id,
        written,
        RECIPE_VERSION,
      ),
      remedy: l10n.t('Export it with the release that trained it, or run its experiment again.'),
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
    counted(state.length, 'tensor'),
    counted(
      state.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
      'value',
    ),
    format.system ?? l10n.t('Bag of Tricks'),
    counted(read.steps, 'step'),
  ] as const;
  say(
    terminal,
    options,
    average
      ? l10n.t("Wrote {0}: the EMA weights after {4}, {1} with {2}, under {3}'s names.", ...facts)
      : l10n.t("Wrote {0}: the weights after {4}, {1} with {2}, under {3}'s names.", ...facts),
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
  say(terminal, options, l10n.t('Wrote {0}: {1}, after {2}.', file, model, counted(read.steps, 'step')));
  say(
    terminal,
    options,
    l10n.t(
      'It takes normalized images [batch, {0}] and returns logits [batch, {1}].',
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
  // timm ignores a folder without a config, so it never sees new weights next to an old config.
  await rm(config, { force: true });
  await writeOutput(weights, files['model.safetensors']);
  await writeOutput(config, files['config.json']);
  say(
    terminal,
    options,
    l10n.t(
      'Wrote {0} and {1}: {2} for timm, after {3}.',
      weights,
      config,
      model.architecture,
      counted(read.steps, 'step'),
    ),
  );
  const loading = `timm.create_model(${JSON.stringify(`local-dir:${folder}`)}, pretrained=True)`;
  say(terminal, options, l10n.t('Load it in Python: {0}', loading));
}

/** Reads the weights of an exported model: the best ones by default. */
function readModelWeights(
  terminal: Terminal,
  run: ReadableRun,
  { average = false, checkpoint = average ? 'last' : 'best' }: ExportOptions,
): Promise<RunWeights> {
  return readRunWeights(terminal, run, { average, checkpoint });
}

/** Number of batches that the running statistics of a run's weights have seen. */
function batchesOf({ manifest: { recipe } }: ReadableRun, { steps }: RunWeights): number {
  return steps * recipe.gradients.accumulation;
}

/** Reports what was done. Uses standard error if a command goes to standard output, which must hold nothing else. */
function say(terminal: Terminal, { recipe }: ExportOptions, text: string): void {
  if (recipe === undefined) terminal.print(text);
  else terminal.note(text);
}
