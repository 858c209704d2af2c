import { createHash } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
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
import { openPlain, readPlain } from '../system/plainFiles';
import { renameOver } from '../system/renameOver';
import { replaceFile } from '../system/replaceFile';
import { attemptFolder, currentFolder } from './lease/attemptFolders';
import { newerReason } from './store';

const metricsSchema = z.object({ loss: z.number(), accuracy: z.number() });

const randomStateSchema = z.array(z.int());

/** The random streams in every checkpoint of this release, whatever its recipe. Effects may add more. */
export const STREAMS = ['dataOrder', 'augmentation', 'erasing', 'mixing', 'dropout'] as const;

/** The training state between two steps, except for the tensors. It contains everything that an exact resume needs. */
export const trainingStateSchema = z.object({
  /** The current epoch, from 0. Equals the number of epochs after the last one. */
  epoch: z.int().min(0),
  /** Completed steps of the current epoch. */
  stepsInEpoch: z.int().min(0),
  /** Completed steps in total. */
  step: z.int().min(0),
  /** Sums of the metrics over the steps of the current epoch so far, and the number of steps that had metrics. */
  sums: z.object({
    loss: z.number(),
    accuracy: z.number(),
    /** Set if the loss has another term besides the label loss. */
    labelsLoss: z.number().optional(),
    steps: z.int().min(0),
  }),
  /**
   * The state of each random stream, by name. For the data order, the state before the current epoch. A missing stream
   * starts from the seed. A stream that this release does not know is kept unchanged.
   */
  random: z.record(z.string(), randomStateSchema),
  lossScale: z.object({ scale: z.number(), growthTracker: z.int(), overflows: z.int() }),
  overflowsInARow: z.int().min(0),
  /** Number of optimizer steps. */
  optimizerCount: z.int().min(0),
  /** Number of updates of the moving average. */
  averageUpdates: z.int().min(0),
  /**
   * Number of threads that each batch is split across. It determines the batch norm statistics and the summation order.
   */
  threads: z.int().min(1).default(1),
  /** Metrics of the last completed epoch, or null before the first. */
  validation: metricsSchema.nullable(),
  averaged: metricsSchema.nullable(),
  /** Best validation accuracy so far, or null before the first epoch. */
  bestAccuracy: z.number().nullable(),
  /** Training time so far in seconds, and the part of it spent in the current epoch. */
  seconds: z.number(),
  secondsInEpoch: z.number(),
});
export type TrainingState = z.infer<typeof trainingStateSchema>;

/** Name prefixes of the tensors that hold the optimizer state and the moving average. */
export const OPTIMIZER_PREFIX = 'optimizer.';
export const AVERAGE_PREFIX = 'average.';

/** A snapshot of training between two steps. */
export interface Snapshot {
  readonly state: TrainingState;
  /** Whether the snapshot ends an epoch with the best validation accuracy so far. */
  readonly isBest: boolean;
  /** Parameters, then buffers, with torchvision names. */
  readonly tensors: readonly NamedTensor[];
  /**
   * The optimizer state, with names after OPTIMIZER_PREFIX, and the moving average, with names after AVERAGE_PREFIX.
   */
  readonly trainingTensors: readonly NamedTensor[];
}

const LAST = 'last.safetensors';
/** The checkpoint before the last one. */
const PREVIOUS = 'previous.safetensors';
const BEST = 'best.safetensors';

/** The folder of a run's checkpoints. Each attempt has its own folder in it. */
export const checkpointsFolder = (runFolder: string): string => join(runFolder, 'checkpoints');

export const lastCheckpointPath = (runFolder: string): string =>
  join(currentFolder(checkpointsFolder(runFolder)), LAST);
export const previousCheckpointPath = (runFolder: string): string =>
  join(currentFolder(checkpointsFolder(runFolder)), PREVIOUS);
export const bestCheckpointPath = (runFolder: string): string =>
  join(currentFolder(checkpointsFolder(runFolder)), BEST);

/**
 * Maps a stored checkpoint path to the file to read. A path within a run refers to the run's current attempt, whether
 * or not it names an attempt.
 */
export function currentCheckpointPath(path: string): string {
  const runFolder = runFolderOfCheckpoint(path);
  return runFolder === null ? path : join(currentFolder(checkpointsFolder(runFolder)), basename(path));
}

/** The folder of the run that a checkpoint path belongs to, or null for any other file. */
export function runFolderOfCheckpoint(path: string): string | null {
  if (![LAST, PREVIOUS, BEST].includes(basename(path))) return null;
  const folder = dirname(path);
  const parent = /^\d+$/.test(basename(folder)) ? dirname(folder) : folder;
  return basename(parent) === 'checkpoints' ? dirname(parent) : null;
}

/** A checkpoint's tensors and metadata. */
export type Checkpoint = ReturnType<typeof decodeSafetensors>;

/** A file that is not a usable checkpoint. */
export class CheckpointError extends Error {
  override readonly name: string = 'CheckpointError';
}

/** A checkpoint from a newer release. This release must not replace it. */
export class NewerCheckpointError extends CheckpointError {
  override readonly name = 'NewerCheckpointError';
}

/** The checkpoint version that this release writes, and the highest that it reads. */
export const CHECKPOINT_VERSION = 2;

/**
 * Saves a snapshot as the run's last checkpoint, and keeps the former last one as the previous one. If the snapshot is
 * the best so far, also saves its weights as the best checkpoint. Each file is replaced atomically, the best one before
 * the last one.
 *
 * @param attempt an attempt that has begun, so that its folder exists
 * @throws the file system's error. An old checkpoint remains.
 */
export async function writeCheckpoint(runFolder: string, attempt: number, snapshot: Snapshot): Promise<void> {
  const folder = attemptFolder(checkpointsFolder(runFolder), attempt);
  const [last, previous, best] = [join(folder, LAST), join(folder, PREVIOUS), join(folder, BEST)];
  const { tensors, trainingTensors } = snapshot;
  const bytes = withChecksum({ ...metadataOf(snapshot), state: JSON.stringify(snapshot.state) }, [
    ...tensors,
    ...trainingTensors,
  ]);
  // Between the two renames there is no last checkpoint, and readers use the previous one.
  const keepLast = () => renameOver(last, previous).catch(ignoreMissing);
  // Write the best checkpoint first. A run killed in between resumes before this epoch and finds its best again. In the
  // other order, the last checkpoint would count an epoch as the best while the best file still has older weights.
  if (snapshot.isBest) await replaceFile(best, withChecksum(metadataOf(snapshot), tensors));
  await replaceFile(last, bytes, keepLast);
}

/**
 * Reads a checkpoint's tensors and metadata, and verifies its checksum.
 *
 * @throws CheckpointError if the file is damaged, or the file system's error if it cannot be read
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const bytes = await readPlain(path);
  try {
    const file = decodeSafetensors(bytes);
    const { sha256 } = file.metadata;
    if (sha256 === undefined) throw new CheckpointError(l10n.t('It has no checksum.'));
    if (checksumOf(bytes, sha256) !== sha256) throw new CheckpointError(l10n.t('Its checksum is wrong.'));
    assertKnownVersion(file.metadata);
    return file;
  } catch (error) {
    if (error instanceof SafetensorsError) throw new CheckpointError(error.message, { cause: error });
    throw error;
  }
}

/** A prefix of a checkpoint that is long enough for its metadata. */
const METADATA_BYTES = 1 << 16;

/**
 * Says why a run's checkpoints belong to a newer release, or returns null if their first bytes do not say so. Fast
 * enough to call before the first write.
 */
export async function newerCheckpointReason(runFolder: string): Promise<string | null> {
  for (const path of [lastCheckpointPath(runFolder), previousCheckpointPath(runFolder)]) {
    const start = await firstBytes(path, METADATA_BYTES);
    const version = Number(/"__metadata__":\{[^}]*?"version":"(\d{1,9})"/.exec(start)?.[1] ?? 0);
    if (version <= CHECKPOINT_VERSION) continue;
    try {
      // A flipped bit may turn any digit into another version, so verify the checksum.
      await readCheckpoint(path);
    } catch (error) {
      if (error instanceof NewerCheckpointError) return error.message;
    }
  }
  return null;
}

/** The first bytes of a file as latin1. Empty if the file cannot be read. */
async function firstBytes(path: string, count: number): Promise<string> {
  try {
    await using file = await openPlain(path);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(count), 0, count, 0);
    return buffer.toString('latin1', 0, bytesRead);
  } catch {
    return '';
  }
}

/** @throws NewerCheckpointError */
function assertKnownVersion({ version }: Readonly<Record<string, string>>): void {
  const number = Number(version ?? 0);
  if (number > CHECKPOINT_VERSION) {
    throw new NewerCheckpointError(newerReason(l10n.t('checkpoint'), number, CHECKPOINT_VERSION));
  }
}

/** The checkpoint to resume from, and the damage found in newer ones. */
export interface Resumption {
  /**
   * Null if no checkpoint is readable. If `damage` is empty too, there is none yet, and training starts from the
   * beginning.
   */
  readonly snapshot: Omit<Snapshot, 'isBest'> | null;
  readonly damage: readonly { readonly path: string; readonly name: string; readonly reason: string }[];
}

/**
 * Reads a run's newest intact checkpoint.
 *
 * @throws NewerCheckpointError if a newer release wrote one, or the file system's error if one cannot be read
 */
export async function readResumption(runFolder: string): Promise<Resumption> {
  const damage: { path: string; name: string; reason: string }[] = [];
  for (const path of [lastCheckpointPath(runFolder), previousCheckpointPath(runFolder)]) {
    try {
      return { snapshot: snapshotFrom(await readCheckpoint(path)), damage };
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) continue;
      if (!(error instanceof CheckpointError) || error instanceof NewerCheckpointError) throw error;
      damage.push({ path, name: basename(path), reason: error.message });
    }
  }
  return { snapshot: null, damage };
}

function snapshotFrom({ metadata, tensors }: Checkpoint): Omit<Snapshot, 'isBest'> {
  const state = trainingStateSchema.safeParse(jsonOf(metadata.state));
  if (!state.success) throw new CheckpointError(l10n.t('It does not contain a valid training state.'));
  const isTrainingTensor = ({ name }: NamedTensor) =>
    name.startsWith(OPTIMIZER_PREFIX) || name.startsWith(AVERAGE_PREFIX);
  return {
    state: state.data,
    tensors: tensors.filter((tensor) => !isTrainingTensor(tensor)),
    trainingTensors: tensors.filter(isTrainingTensor),
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
    version: `${CHECKPOINT_VERSION}`,
    // Convolutions are [height, width, in / groups, out], fully connected layers [in, out]. PyTorch's layout differs.
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

/** Encodes a file with a checksum of its bytes in the metadata. The checksum field counts as zeros. */
function withChecksum(
  metadata: Readonly<Record<string, string>>,
  tensors: readonly NamedTensor[],
): Uint8Array {
  const bytes = Buffer.from(encodeSafetensors({ metadata: { sha256: NO_CHECKSUM, ...metadata }, tensors }));
  const at = bytes.indexOf(NO_CHECKSUM);
  bytes.write(checksumOf(bytes, NO_CHECKSUM), at, 'latin1');
  return bytes;
}

/** The SHA-256 of a file's bytes, with the `checksum` in them replaced by zeros. */
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
