import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { parseJson } from '../shared/parseJson';
import {
  decodeSafetensors,
  encodeSafetensors,
  type NamedTensor,
  SafetensorsError,
} from '../shared/safetensors';
import { isSystemError } from '../system/errors';
import { makeFolder } from '../system/makeFolder';
import { renameOver } from '../system/renameOver';
import { replaceFile } from '../system/replaceFile';

const metricsSchema = z.object({ loss: z.number(), accuracy: z.number() });

const randomStateSchema = z.array(z.int());

/** The streams of random numbers that every checkpoint has, whatever its recipe; effects may add more. */
export const STREAMS = ['dataOrder', 'augmentation', 'erasing', 'mixing', 'dropout'] as const;

/** Where a training stands between two steps, but for its tensors: all that makes it go on as if never stopped. */
export const trainingStateSchema = z.object({
  /** The epoch under way, from 0; the number of epochs when all are done. */
  epoch: z.int().min(0),
  /** Steps taken of that epoch. */
  stepsInEpoch: z.int().min(0),
  /** Steps taken. */
  step: z.int().min(0),
  /** Of the epoch's steps so far: sums of their measures, and how many had any. */
  sums: z.object({
    loss: z.number(),
    accuracy: z.number(),
    /** Where the loss has a term beside the labels'. */
    labelsLoss: z.number().optional(),
    steps: z.int().min(0),
  }),
  /**
   * Where each stream of random numbers stands, by its name; that of the data's order, where it stood before the epoch
   * under way. One that an effect adds and that is not there starts at its beginning.
   */
  random: z.record(z.string(), randomStateSchema).refine((states) => STREAMS.every((name) => name in states)),
  lossScale: z.object({ scale: z.number(), growthTracker: z.int(), overflows: z.int() }),
  overflowsInARow: z.int().min(0),
  /** Steps that the optimizer took. */
  optimizerCount: z.int().min(0),
  /** Steps that the moving average took in. */
  averageUpdates: z.int().min(0),
  /** Threads that batches are cut among. It decides batch norm's statistics and the order of sums. */
  threads: z.int().min(1).default(1),
  /** Of the last whole epoch; null before there is one. */
  validation: metricsSchema.nullable(),
  averaged: metricsSchema.nullable(),
  /** The best validation accuracy so far; null before there is one. */
  bestAccuracy: z.number().nullable(),
  /** Training time so far, and the part of it that the epoch under way took. */
  seconds: z.number(),
  secondsInEpoch: z.number(),
});
export type TrainingState = z.infer<typeof trainingStateSchema>;

/** What the names of a snapshot's tensors begin with that the optimizer and the moving average carry. */
export const OPTIMIZER_PREFIX = 'optimizer.';
export const AVERAGE_PREFIX = 'average.';

/** A training as it stands between two steps. */
export interface Snapshot {
  readonly state: TrainingState;
  /** Whether it ends an epoch that has a better validation accuracy than any before. */
  readonly isBest: boolean;
  /** Parameters, then buffers, under torchvision's names. */
  readonly tensors: readonly NamedTensor[];
  /** What the optimizer carries, its names after OPTIMIZER_PREFIX, and the moving average, after AVERAGE_PREFIX. */
  readonly carried: readonly NamedTensor[];
}

export const lastCheckpointPath = (runFolder: string): string =>
  join(runFolder, 'checkpoints', 'last.safetensors');
/** The one that was the last before the last. */
export const previousCheckpointPath = (runFolder: string): string =>
  join(runFolder, 'checkpoints', 'previous.safetensors');
export const bestCheckpointPath = (runFolder: string): string =>
  join(runFolder, 'checkpoints', 'best.safetensors');

/** A checkpoint's tensors, and what is written beside them. */
export type Checkpoint = ReturnType<typeof decodeSafetensors>;

/** A file that is no checkpoint to go on from. */
export class CheckpointError extends Error {
  override readonly name = 'CheckpointError';
}

/**
 * Keeps a snapshot as the run's last, the last as the one before, and where it is its best, its weights as that. A
 * file is replaced whole or not at all, the last one after the best.
 *
 * @throws the file system's error, after which an old checkpoint stands
 */
export async function writeCheckpoint(runFolder: string, snapshot: Snapshot): Promise<void> {
  await makeFolder(join(runFolder, 'checkpoints'));
  const last = lastCheckpointPath(runFolder);
  const { tensors, carried } = snapshot;
  const bytes = withChecksum({ ...metadataOf(snapshot), state: JSON.stringify(snapshot.state) }, [
    ...tensors,
    ...carried,
  ]);
  // Between the two steps there is no last one, and a reader takes the one before.
  const keepLast = () => renameOver(last, previousCheckpointPath(runFolder)).catch(ignoreMissing);
  // First: a run that was killed in between goes on from before this epoch, and finds its best once more. A last one
  // that counts an epoch as the best would leave older weights to that name.
  if (snapshot.isBest)
    await replaceFile(bestCheckpointPath(runFolder), withChecksum(metadataOf(snapshot), tensors));
  await replaceFile(last, bytes, keepLast);
}

/**
 * A checkpoint's tensors and what is written beside them, once its checksum was found right.
 *
 * @throws CheckpointError when the file is damaged, the file system's error when it cannot be read
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const bytes = await readFile(path);
  try {
    const file = decodeSafetensors(bytes);
    const { sha256 } = file.metadata;
    if (sha256 === undefined) throw new CheckpointError(l10n.t('It has no checksum.'));
    if (checksumOf(bytes, sha256) !== sha256) throw new CheckpointError(l10n.t('Its checksum is wrong.'));
    return file;
  } catch (error) {
    if (error instanceof SafetensorsError) throw new CheckpointError(error.message, { cause: error });
    throw error;
  }
}

/** What a run goes on from, and what was wrong with newer checkpoints of it. */
export interface Resumption {
  /** Null where the training starts anew. */
  readonly snapshot: Omit<Snapshot, 'isBest'> | null;
  readonly damage: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * A run's newest good checkpoint.
 *
 * @throws the file system's error where there is one that cannot be read
 */
export async function readResumption(runFolder: string): Promise<Resumption> {
  const damage: { name: string; reason: string }[] = [];
  for (const path of [lastCheckpointPath(runFolder), previousCheckpointPath(runFolder)]) {
    try {
      return { snapshot: snapshotFrom(await readCheckpoint(path)), damage };
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) continue;
      if (!(error instanceof CheckpointError)) throw error;
      damage.push({ name: basename(path), reason: error.message });
    }
  }
  return { snapshot: null, damage };
}

function snapshotFrom({ metadata, tensors }: Checkpoint): Omit<Snapshot, 'isBest'> {
  const state = trainingStateSchema.safeParse(jsonOf(metadata.state));
  if (!state.success) throw new CheckpointError(l10n.t('It does not say where the training stood.'));
  const isCarried = ({ name }: NamedTensor) =>
    name.startsWith(OPTIMIZER_PREFIX) || name.startsWith(AVERAGE_PREFIX);
  return {
    state: state.data,
    tensors: tensors.filter((tensor) => !isCarried(tensor)),
    carried: tensors.filter(isCarried),
  };
}

function jsonOf(text: string | undefined): unknown {
  try {
    return parseJson(text ?? '');
  } catch {
    return null;
  }
}

function metadataOf({ state }: Snapshot): Record<string, string> {
  return {
    format: 'bag-of-tricks',
    version: '2',
    // Convolutions [height, width, in / groups, out], fully connected layers [in, out]: not PyTorch's layout.
    layout: 'tensorflow',
    epoch: `${state.epoch}`,
    step: `${state.step}`,
    ...(state.validation && {
      validation_loss: `${state.validation.loss}`,
      validation_accuracy: `${state.validation.accuracy}`,
    }),
  };
}

const NO_CHECKSUM = '0'.repeat(64);

/** A file's bytes, with their checksum in the metadata: that of the bytes with zeros in its place. */
function withChecksum(
  metadata: Readonly<Record<string, string>>,
  tensors: readonly NamedTensor[],
): Uint8Array {
  const bytes = Buffer.from(encodeSafetensors({ metadata: { sha256: NO_CHECKSUM, ...metadata }, tensors }));
  const at = bytes.indexOf(NO_CHECKSUM);
  bytes.write(checksumOf(bytes, NO_CHECKSUM), at, 'latin1');
  return bytes;
}

/** The SHA-256 of a file's bytes with zeros in place of `checksum`, which they hold. */
function checksumOf(bytes: Buffer, checksum: string): string {
  const at = bytes.indexOf(checksum);
  return createHash('sha256')
    .update(bytes.subarray(0, at))
    .update(NO_CHECKSUM)
    .update(bytes.subarray(at + NO_CHECKSUM.length))
    .digest('hex');
}

function ignoreMissing(error: unknown): void {
  if (!isSystemError(error, 'ENOENT')) throw error;
}
