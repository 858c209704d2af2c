import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as l10n from '@vscode/l10n';
import { type Command, Option } from 'commander';
import { commandLine } from '../../interop/export/commandLine';
import { exportFormat, exportNotes, stateDictOf } from '../../interop/export/stateDict';
import { SYSTEM_NAMES, type SystemName } from '../../interop/export/system';
import { sizeOf } from '../../models/graph';
import type { Manifest } from '../../protocol/manifest';
import { graphOf } from '../../recipe/draft';
import {
  AVERAGE_PREFIX,
  bestCheckpointPath,
  type Checkpoint,
  lastCheckpointPath,
  previousCheckpointPath,
  readCheckpoint,
} from '../../runs/checkpoint';
import type { Failure } from '../../shared/failure';
import { encodeSafetensors } from '../../shared/safetensors';
import { UserError } from '../../shared/userError';
import { failureOf, isSystemError } from '../../system/errors';
import { replaceFile } from '../../system/replaceFile';
import { findRun } from '../input';
import { type CommandContext, type FolderOption, folderOption, rootOf, runArgument } from '../options';
import { EXIT, type ExitCode, type Terminal } from '../terminal';

const CHECKPOINT_NAMES = ['last', 'best'] as const;
type CheckpointName = (typeof CHECKPOINT_NAMES)[number];

interface ExportOptions extends FolderOption {
  /** The file to write weights to. */
  readonly weights?: string;
  readonly format?: SystemName;
  readonly checkpoint: CheckpointName;
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
      l10n.t("write a run's weights for PyTorch, or print the command that trains its recipe elsewhere"),
    )
    .argument(...runArgument())
    .option('--weights <file>', l10n.t('write its weights to a safetensors file, in the layout of PyTorch'))
    .addOption(
      new Option(
        '--format <name>',
        l10n.t('whose names the weights have; by default those of who has the model'),
      ).choices(SYSTEM_NAMES),
    )
    .addOption(
      new Option('--checkpoint <name>', l10n.t('which weights')).choices(CHECKPOINT_NAMES).default('last'),
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
    .addHelpText(
      'after',
      `
${l10n.t(
  'ResNet-A and -B have the names of torchvision (and timm), which load_state_dict(strict=True) takes. The bottlenecks of A have their stride in the first 1x1 convolution, those of torchvision in the 3x3, as B. ResNet-C and -D have the names of timm (resnet50c, resnet50d).',
)}

${l10n.t('Examples:')}
  tricks export last --weights resnet18.safetensors
  tricks export last --weights resnet50d.safetensors --format timm --checkpoint best
  tricks export last --recipe timm > train.sh`,
    )
    .action(async (reference: string, options: ExportOptions) => {
      end(await exportRun(terminal, await rootOf(options), reference, options));
    });
}

/** Exports a run's weights as PyTorch has them, or the command that trains its recipe elsewhere. */
async function exportRun(
  terminal: Terminal,
  root: string,
  reference: string,
  options: ExportOptions,
): Promise<ExitCode> {
  const { weights, recipe } = options;
  if (weights === undefined && recipe === undefined) {
    throw new UserError({
      what: l10n.t('There is nothing to export.'),
      remedy: l10n.t('Add {0}, {1} or both.', '--weights FILE.safetensors', '--recipe timm'),
    });
  }
  const run = await findRun(root, reference);
  if (run.kind === 'broken') {
    throw new UserError({
      what: l10n.t('The run {0} cannot be read: {1}', run.id, run.reason),
      remedy: l10n.t('List the runs: {0}', 'tricks runs'),
    });
  }
  if (weights !== undefined) await exportWeights(terminal, run, weights, options);
  if (recipe !== undefined) terminal.print(commandLine(recipe, run.manifest.recipe).trimEnd());
  return EXIT.done;
}

async function exportWeights(
  terminal: Terminal,
  run: { readonly id: string; readonly folder: string; readonly manifest: Manifest },
  file: string,
  { format: asked, checkpoint, average = false, force = false, recipe: printed }: ExportOptions,
): Promise<void> {
  const { recipe } = run.manifest;
  const format = exportFormat(recipe.model, asked);
  if (typeof format !== 'string') throw new UserError(format);
  if (!force && (await exists(file))) {
    throw new UserError({
      what: l10n.t('{0} is there already.', file),
      remedy: l10n.t('Choose another name, or replace it with {0}.', '--force'),
    });
  }
  if (average) {
    const failure = averageFailure(run, checkpoint);
    if (failure) throw new UserError(failure);
  }
  const { metadata, tensors } = await readRunCheckpoint(terminal, run, checkpoint);
  const graph = graphOf(recipe);
  const named = new Map(tensors.map((tensor) => [tensor.name, tensor.values]));
  const values = average ? averagedIn(named) : named;
  const batches = Number(metadata.step ?? 0) * recipe.gradients.accumulation;
  const state = stateDictOf(graph, values, batches);
  const exported = encodeSafetensors({ metadata: { format: 'pt', exported_from: run.id }, tensors: state });
  await writeWhole(file, exported);
  for (const note of exportNotes(recipe.model)) terminal.note(note);
  const counts = [
    file,
    state.length,
    state.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    format,
  ] as const;
  const step = metadata.step ?? '?';
  const wrote = average
    ? l10n.t(
        "Wrote {0}: the moving average of {1} tensors of {2} values, under {3}'s names, as it was after {4} steps.",
        ...counts,
        step,
      )
    : l10n.t(
        "Wrote {0}: {1} tensors of {2} values, under {3}'s names, as they were after {4} steps.",
        ...counts,
        step,
      );
  // Beside a command on standard output there must be nothing else.
  if (printed === undefined) terminal.print(wrote);
  else terminal.note(wrote);
}

/** Why a run's moving average cannot be had of a checkpoint; null where it can. */
function averageFailure(
  { id, manifest }: { readonly id: string; readonly manifest: Manifest },
  checkpoint: CheckpointName,
): Failure | null {
  if (manifest.recipe.averaging === null) {
    return {
      what: l10n.t('The run {0} has no moving average: it was trained without the trick ema.', id),
      remedy: l10n.t('Leave out {0}.', '--average'),
    };
  }
  if (checkpoint === 'best') {
    return {
      what: l10n.t('The best checkpoint holds the weights alone.'),
      remedy: l10n.t('Export the average of the last one: {0}', '--average --checkpoint last'),
    };
  }
  return null;
}

function averagedIn(named: ReadonlyMap<string, Float32Array>): Map<string, Float32Array> {
  const averaged = [...named].filter(([name]) => name.startsWith(AVERAGE_PREFIX));
  return new Map(averaged.map(([name, values]) => [name.slice(AVERAGE_PREFIX.length), values]));
}

/** A run's checkpoint; in place of a damaged last one, the one before it, which is noted. */
async function readRunCheckpoint(
  terminal: Terminal,
  { id, folder }: { readonly id: string; readonly folder: string },
  name: CheckpointName,
): Promise<Checkpoint> {
  const paths =
    name === 'best'
      ? [bestCheckpointPath(folder)]
      : [lastCheckpointPath(folder), previousCheckpointPath(folder)];
  const damage: string[] = [];
  for (const path of paths) {
    try {
      const checkpoint = await readCheckpoint(path);
      for (const note of damage) terminal.note(`${note} ${l10n.t('The checkpoint before it is exported.')}`);
      return checkpoint;
    } catch (error) {
      if (isSystemError(error, 'ENOENT', 'ENOTDIR')) continue;
      damage.push(l10n.t('The checkpoint {0} cannot be read: {1}', path, failureOf(error).what));
    }
  }
  const other = name === 'best' ? 'last' : 'best';
  throw new UserError(
    damage.length > 0
      ? { what: damage.join(' '), remedy: l10n.t('Try {0}, or train again.', `--checkpoint ${other}`) }
      : {
          what: l10n.t('The run {0} has no checkpoint yet.', id),
          remedy: l10n.t('A run has one from the end of its first epoch on.'),
        },
  );
}

async function writeWhole(file: string, content: Uint8Array): Promise<void> {
  try {
    await replaceFile(file, content);
  } catch (error) {
    if (!isSystemError(error, 'ENOENT', 'ENOTDIR')) throw error;
    throw new UserError({
      what: l10n.t('There is no folder {0}.', dirname(file)),
      remedy: l10n.t('Make it, or write to another.'),
    });
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
