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

/** The streams of random numbers that every checkpoint of this release has, whatever its recipe; effects may add more. */
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
   * under way. One that is not there starts at its beginning, which the seed defines; one that this release does not know
   * is kept as it stands.
   */
  random: z.record(z.string(), randomStateSchema),
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

const LAST = 'last.safetensors';
/** The one that was the last before the last. */
const PREVIOUS = 'previous.safetensors';
const BEST = 'best.safetensors';

/** A run's checkpoints, in a folder for each attempt. */
export const checkpointsFolder = (runFolder: string): string => join(runFolder, 'checkpoints');

export const lastCheckpointPath = (runFolder: string): string =>
  join(currentFolder(checkpointsFolder(runFolder)), LAST);
export const previousCheckpointPath = (runFolder: string): string =>
  join(currentFolder(checkpointsFolder(runFolder)), PREVIOUS);
export const bestCheckpointPath = (runFolder: string): string =>
  join(currentFolder(checkpointsFolder(runFolder)), BEST);

/**
 * The checkpoint that a path means which somebody wrote down: within a run, that of its current attempt, whether the path
 * names an attempt or not.
 */
export function currentCheckpointPath(path: string): string {
  const runFolder = runFolderOfCheckpoint(path);
  return runFolder === null ? path : join(currentFolder(checkpointsFolder(runFolder)), basename(path));
}

/** The run whose checkpoint a path names; null for any other file. */
export function runFolderOfCheckpoint(path: string): string | null {
  if (![LAST, PREVIOUS, BEST].includes(basename(path))) return null;
  const folder = dirname(path);
  const parent = /^\d+$/.test(basename(folder)) ? dirname(folder) : folder;
  return basename(parent) === 'checkpoints' ? dirname(parent) : null;
}

/** A checkpoint's tensors, and what is written beside them. */
export type Checkpoint = ReturnType<typeof decodeSafetensors>;

/** A file that is no checkpoint to go on from. */
export class CheckpointError extends Error {
  override readonly name: string = 'CheckpointError';
}

/** A checkpoint that a newer release wrote, and that this one must not replace. */
export class NewerCheckpointError extends CheckpointError {
  override readonly name = 'NewerCheckpointError';
}

/** What the metadata of a checkpoint of this release say, and the highest that it reads. */
export const CHECKPOINT_VERSION = 2;

/**
 * Keeps a snapshot as the run's last, the last as the one before, and where it is its best, its weights as that. A
 * file is replaced whole or not at all, the last one after the best.
 *
 * @param attempt one that has begun: its folder is there
 * @throws the file system's error, after which an old checkpoint stands
 */
export async function writeCheckpoint(runFolder: string, attempt: number, snapshot: Snapshot): Promise<void> {
  const folder = attemptFolder(checkpointsFolder(runFolder), attempt);
  const [last, previous, best] = [join(folder, LAST), join(folder, PREVIOUS), join(folder, BEST)];
  const { tensors, carried } = snapshot;
  const bytes = withChecksum({ ...metadataOf(snapshot), state: JSON.stringify(snapshot.state) }, [
    ...tensors,
    ...carried,
  ]);
  // Between the two steps there is no last one, and a reader takes the one before.
  const keepLast = () => renameOver(last, previous).catch(ignoreMissing);
  // First: a run that was killed in between goes on from before this epoch, and finds its best once more. A last one
  // that counts an epoch as the best would leave older weights to that name.
  if (snapshot.isBest) await replaceFile(best, withChecksum(metadataOf(snapshot), tensors));
  await replaceFile(last, bytes, keepLast);
}

/**
 * A checkpoint's tensors and what is written beside them, once its checksum was found right.
 *
 * @throws CheckpointError when the file is damaged, the file system's error when it cannot be read
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

/** As much of a checkpoint as holds what is written beside its tensors. */
const METADATA_BYTES = 1 << 16;

/**
 * Why a run's checkpoints are a newer release's; null where they are not, as far as their first bytes say. Quick, so that it
 * can be asked before the first write.
 */
export async function newerCheckpointReason(runFolder: string): Promise<string | null> {
  for (const path of [lastCheckpointPath(runFolder), previousCheckpointPath(runFolder)]) {
    const start = await firstBytes(path, METADATA_BYTES);
    const version = Number(/"__metadata__":\{[^}]*?"version":"(\d{1,9})"/.exec(start)?.[1] ?? 0);
    if (version <= CHECKPOINT_VERSION) continue;
    try {
      // A flipped bit may make a version of any digit.
      await readCheckpoint(path);
    } catch (error) {
      if (error instanceof NewerCheckpointError) return error.message;
    }
  }
  return null;
}

/** Bytes of a file as latin1; empty where it cannot be read. */
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

/** What a run goes on from, and what was wrong with newer checkpoints of it. */
export interface Resumption {
  /** Null where no checkpoint can be read: without `damage` there is none yet, and the training starts. */
  readonly snapshot: Omit<Snapshot, 'isBest'> | null;
  readonly damage: readonly { readonly path: string; readonly name: string; readonly reason: string }[];
}

/**
 * A run's newest good checkpoint.
 *
 * @throws NewerCheckpointError where a newer release wrote one, the file system's error where one cannot be read
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
    version: `${CHECKPOINT_VERSION}`,
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
