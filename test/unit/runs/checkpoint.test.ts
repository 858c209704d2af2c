import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  bestCheckpointPath,
  CheckpointError,
  checkpointsFolder,
  lastCheckpointPath,
  previousCheckpointPath,
  readCheckpoint,
  readResumption,
  type Snapshot,
  writeCheckpoint,
} from '../../../src/runs/checkpoint';
import { beginAttempt } from '../../../src/runs/lease/attemptFolders';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'checkpoint-'));
  await beginAttempt(checkpointsFolder(folder), 1);
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

function snapshot(epoch: number, isBest: boolean): Snapshot {
  return {
    state: {
      epoch,
      stepsInEpoch: 3,
      step: 10 * epoch + 3,
      sums: { loss: 0.1 + 0.2, accuracy: 1 / 3, steps: 3 },
      random: {
        dataOrder: [1, -2, 3, 4],
        augmentation: [5, 6, 7, -2147483648],
        erasing: [0, 0, 0, 1],
        mixing: [1, 1, 1, 1],
        dropout: [2, 2, 2, 2],
      },
      lossScale: { scale: 65536, growthTracker: 7, overflows: 1 },
      overflowsInARow: 0,
      optimizerCount: 10 * epoch + 2,
      threads: 1,
      averageUpdates: 0,
      validation: epoch === 0 ? null : { loss: 1 / (epoch + 3), accuracy: 0.75 },
      averaged: null,
      bestAccuracy: epoch === 0 ? null : 0.75,
      seconds: 12.5,
      secondsInEpoch: 0.5,
    },
    isBest,
    tensors: [
      { name: 'conv1.weight', shape: [1, 1, 1, 2], values: Float32Array.of(epoch, 0.5) },
      { name: 'bn1.running_mean', shape: [2], values: Float32Array.of(-1, epoch) },
    ],
    trainingTensors: [
      { name: 'optimizer.conv1.weight.velocity', shape: [1, 1, 1, 2], values: Float32Array.of(3, 4) },
    ],
  };
}

const withoutBest = ({ isBest, ...rest }: Snapshot) => rest;

describe('a checkpoint', () => {
  test('contains the tensors, their origin and their layout', async () => {
    await writeCheckpoint(folder, 1, snapshot(1, true));
    const { metadata, tensors } = await readCheckpoint(lastCheckpointPath(folder));
    const { tensors: own, trainingTensors } = snapshot(1, true);
    expect(tensors).toEqual([...own, ...trainingTensors]);
    expect(metadata).toEqual({
      format: 'bag-of-tricks',
      version: '2',
      layout: 'tensorflow',
      epoch: '1',
      step: '13',
      validation_loss: '0.25',
      validation_accuracy: '0.75',
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      state: expect.any(String),
    });
  });

  test('restores everything that a training continues from', async () => {
    for (const epoch of [0, 1]) {
      await writeCheckpoint(folder, 1, snapshot(epoch, false));
      expect(await readResumption(folder)).toEqual({
        snapshot: withoutBest(snapshot(epoch, false)),
        damage: [],
      });
    }
  });

  test('the best stays, without what only training needs, while last and previous rotate', async () => {
    await writeCheckpoint(folder, 1, snapshot(0, true));
    const best = await readFile(bestCheckpointPath(folder));
    expect((await readCheckpoint(bestCheckpointPath(folder))).tensors).toEqual(snapshot(0, true).tensors);
    await writeCheckpoint(folder, 1, snapshot(1, false));
    await writeCheckpoint(folder, 1, snapshot(2, false));
    expect(await readFile(bestCheckpointPath(folder))).toEqual(best);
    expect((await readCheckpoint(lastCheckpointPath(folder))).metadata.epoch).toBe('2');
    expect((await readCheckpoint(previousCheckpointPath(folder))).metadata.epoch).toBe('1');
    expect((await readdir(join(folder, 'checkpoints', '1'))).sort()).toEqual([
      'best.safetensors',
      'last.safetensors',
      'previous.safetensors',
    ]);
  });

  test('does not count an epoch as the best if its weights were not saved', async () => {
    await writeCheckpoint(folder, 1, snapshot(1, true));
    // A file cannot replace a folder.
    await rm(bestCheckpointPath(folder));
    await mkdir(bestCheckpointPath(folder));
    await expect(writeCheckpoint(folder, 1, snapshot(2, true))).rejects.toThrow();
    expect((await readResumption(folder)).snapshot).toEqual(withoutBest(snapshot(1, true)));
  });

  test('a last one that cannot be written leaves no partial file, next to the best', async () => {
    // A folder at the file's path: renaming onto it fails.
    await mkdir(join(previousCheckpointPath(folder), 'in the way'), { recursive: true });
    await writeFile(lastCheckpointPath(folder), 'old');
    await expect(writeCheckpoint(folder, 1, snapshot(0, true))).rejects.toThrow(
      /EISDIR|ENOTEMPTY|EEXIST|EPERM/,
    );
    expect((await readdir(join(folder, 'checkpoints', '1'))).sort()).toEqual([
      'best.safetensors',
      'last.safetensors',
      'previous.safetensors',
    ]);
    expect(await readFile(lastCheckpointPath(folder), 'utf8')).toBe('old');
  });

  test('does not recreate a deleted folder', async () => {
    const gone = join(folder, 'gone');
    await expect(writeCheckpoint(gone, 1, snapshot(0, true))).rejects.toThrow('ENOENT');
    expect(await readdir(folder)).toEqual(['checkpoints']);
  });
});

describe('a damaged checkpoint', () => {
  test('is detected whatever byte is changed, or wherever it is cut', async () => {
    await writeCheckpoint(folder, 1, snapshot(1, false));
    const path = lastCheckpointPath(folder);
    const good = await readFile(path);
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), async (at, difference) => {
        const changed = Buffer.from(good);
        changed[at] = (changed[at] as number) ^ difference;
        await writeFile(path, changed);
        await expect(readCheckpoint(path)).rejects.toThrow(CheckpointError);
        await writeFile(path, good.subarray(0, at));
        await expect(readCheckpoint(path)).rejects.toThrow(CheckpointError);
      }),
      { numRuns: 300 },
    );
  });

  test('falls back to the one before it, and says so', async () => {
    await writeCheckpoint(folder, 1, snapshot(1, false));
    await writeCheckpoint(folder, 1, snapshot(2, false));
    const bytes = await readFile(lastCheckpointPath(folder));
    bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
    await writeFile(lastCheckpointPath(folder), bytes);
    expect(await readResumption(folder)).toEqual({
      snapshot: withoutBest(snapshot(1, false)),
      damage: [
        {
          path: lastCheckpointPath(folder),
          name: 'last.safetensors',
          reason: 'Its checksum is wrong.',
        },
      ],
    });
  });

  test('that is missing, as after a crash between two renames, falls back silently', async () => {
    await writeCheckpoint(folder, 1, snapshot(1, false));
    await rename(lastCheckpointPath(folder), previousCheckpointPath(folder));
    expect(await readResumption(folder)).toEqual({ snapshot: withoutBest(snapshot(1, false)), damage: [] });
  });

  test('without another leaves nothing to resume from', async () => {
    expect(await readResumption(folder)).toEqual({ snapshot: null, damage: [] });
    await writeFile(lastCheckpointPath(folder), 'no checkpoint');
    expect(await readResumption(folder)).toMatchObject({
      snapshot: null,
      damage: [{ name: 'last.safetensors' }],
    });
  });
});
