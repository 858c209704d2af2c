/** Runs that this release cannot resume: nothing in them is lost, and those from newer releases stay unchanged. */
import { createHash } from 'node:crypto';
import { readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  lastCheckpointPath,
  previousCheckpointPath,
  readResumption,
  writeCheckpoint,
} from '../../../src/runs/checkpoint';
import { currentAttempt, currentFolder } from '../../../src/runs/lease/attemptFolders';
import { experimentText } from '../../support/smallTraining';
import { tricksTests } from './tricks';

const work = tricksTests();

/** A run that was trained to its end but is marked as stopped, so that it can be resumed. */
async function stoppedRun() {
  const place = await work();
  await place.write('a.yaml', experimentText({ name: 'a' }));
  expect(await place.tricks(['run', 'a.yaml'])).toMatchObject({ code: 0 });
  const { id } = await place.manifest();
  const folder = join(place.folder, '.bag-of-tricks/runs', id);
  const changeManifest = async (change: (manifest: { readonly recipe: object }) => object) => {
    // The record in a leftover lease would take precedence.
    for (const name of await readdir(folder)) if (name.startsWith('lease.')) await rm(join(folder, name));
    const path = join(folder, 'run.json');
    await writeFile(path, JSON.stringify(change(JSON.parse(await readFile(path, 'utf8')))));
  };
  await changeManifest((manifest) => ({ ...manifest, state: { status: 'stopped', step: 4 } }));
  return { ...place, id, run: folder, changeManifest };
}

/** Returns every file below a folder with its content's hash and its mtime. */
async function contentOf(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  const said = files.sort().map(async (file) => {
    const hash = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
    // Each attempt has a numbered folder with links to the files of the previous attempt.
    return [file.slice(folder.length).replace(/^\/\d+\//, '/'), `${hash} ${(await stat(file)).mtimeMs}`];
  });
  return Object.fromEntries(await Promise.all(said));
}

async function flipBit(path: string): Promise<Buffer> {
  const bytes = await readFile(path);
  bytes[bytes.length - 5]! ^= 1;
  await writeFile(path, bytes);
  return bytes;
}

/** Gives a checkpoint another version with a correct checksum. */
async function makeNewer(path: string): Promise<void> {
  const bytes = await readFile(path);
  const at = bytes.indexOf('"version":"2"');
  bytes.write('"version":"3"', at, 'latin1');
  const sum = bytes.indexOf('"sha256":"') + '"sha256":"'.length;
  bytes.write('0'.repeat(64), sum, 'latin1');
  bytes.write(createHash('sha256').update(bytes).digest('hex'), sum, 'latin1');
  await writeFile(path, bytes);
}

describe('tricks resume of a run whose checkpoints are damaged', () => {
  it('does not change the files, and restarts only with --from-scratch, which keeps them', async () => {
    const { run, id, tricks, manifest } = await stoppedRun();
    const last = await flipBit(lastCheckpointPath(run));
    const previous = await flipBit(previousCheckpointPath(run));
    const checkpoints = await contentOf(join(run, 'checkpoints'));

    const resumed = await tricks(['resume', id]);
    expect(resumed.code).toBe(1);
    expect(resumed.stderr).toContain('no checkpoint can be read: last.safetensors (Its checksum is wrong.)');
    expect(resumed.stderr).toContain(`tricks resume ${id} --from-scratch`);
    expect(await contentOf(join(run, 'checkpoints'))).toEqual(checkpoints);

    const anew = await tricks(['resume', id, '--from-scratch']);
    expect(anew.code).toBe(0);
    expect(anew.stderr).toMatch(/Starting over after 2 epochs, with a best validation accuracy of \d/);
    expect((await manifest()).state.status).toBe('done');
    const kept = currentFolder(join(run, 'checkpoints.before-1'));
    expect(await readFile(join(kept, 'last.safetensors'))).toEqual(last);
    expect(await readFile(join(kept, 'previous.safetensors'))).toEqual(previous);
    expect(await readdir(currentFolder(join(run, 'evaluation.before-1')))).toContain('last');
  });

  it('keeps a damaged last one next to the one before it, with the reason', async () => {
    const { run, id, tricks } = await stoppedRun();
    const last = await flipBit(lastCheckpointPath(run));
    expect(await tricks(['resume', id])).toMatchObject({ code: 0 });
    const checkpoints = currentFolder(join(run, 'checkpoints'));
    const kept = join(checkpoints, 'last.unreadable-1.safetensors');
    expect(await readFile(kept)).toEqual(last);
    expect(await readFile(join(checkpoints, 'last.unreadable-1.txt'), 'utf8')).toBe(
      'Its checksum is wrong.\n',
    );
    expect(await readFile(join(run, 'trainer.log'), 'utf8')).toContain(
      'kept as last.unreadable-1.safetensors',
    );
  });

  it('resumes from a checkpoint with other random streams, names them, and keeps unknown ones', async () => {
    const { run, id, tricks } = await stoppedRun();
    const { snapshot } = await readResumption(run);
    const { mixing: _, ...others } = snapshot!.state.random;
    const random = { ...others, ofTomorrow: [1, 2, 3, 4] };
    // Twice, to cover the previous checkpoint too. One epoch before the end, so that it is saved again.
    const state = { ...snapshot!.state, random, epoch: 1 };
    const attempt = currentAttempt(join(run, 'checkpoints'));
    for (const _twice of [0, 1]) await writeCheckpoint(run, attempt, { ...snapshot!, state, isBest: false });

    const resumed = await tricks(['resume', id]);
    expect(resumed.code).toBe(0);
    const log = await readFile(join(run, 'trainer.log'), 'utf8');
    expect(log).toContain('The checkpoint lacks the random streams mixing.');
    expect(log).toContain('The checkpoint has additional random streams (ofTomorrow). They are kept.');
    expect(log).toContain('Resuming after step');
    const after = (await readResumption(run)).snapshot!.state.random;
    expect(after.ofTomorrow).toEqual([1, 2, 3, 4]);
    expect(Object.keys(after)).toContain('mixing');
  });
});

describe('tricks resume', () => {
  it('--from-scratch does not change a finished run', async () => {
    const { run, id, tricks, changeManifest, manifest } = await stoppedRun();
    const { result } = JSON.parse(
      (await readFile(join(run, 'metrics.ndjson'), 'utf8')).trim().split('\n').at(-1)!,
    );
    await changeManifest((before) => ({ ...before, state: { status: 'done', result } }));
    const before = await contentOf(join(run, 'checkpoints'));
    const { code, stderr } = await tricks(['resume', id, '--from-scratch']);
    expect([code, stderr]).toEqual([1, `error: ${id} is done.\nRun its experiment again.\n`]);
    expect(await contentOf(join(run, 'checkpoints'))).toEqual(before);
    expect(await readdir(run)).not.toContain('checkpoints.before-1');
    expect((await manifest()).state.status).toBe('done');
  });

  it('continues in an attempt above all earlier ones, even if their leases were deleted', async () => {
    const { run, id, tricks } = await stoppedRun();
    await rename(join(run, 'checkpoints/1'), join(run, 'checkpoints/7'));
    expect(await tricks(['resume', id])).toMatchObject({ code: 0 });
    expect(currentAttempt(join(run, 'checkpoints'))).toBeGreaterThan(7);
    expect(await readdir(join(run, 'checkpoints'))).toHaveLength(1);
  });

  it('says in one sentence why a run could not start, and records that with the run', async () => {
    const { run, id, tricks, manifest } = await stoppedRun();
    await rm(join(run, 'evaluation/1'), { recursive: true });
    await symlink(tmpdir(), join(run, 'evaluation/1'));
    const { code, stderr } = await tricks(['resume', id]);
    expect(code).toBe(1);
    expect(stderr).toContain(`error: ${join(run, 'evaluation/1')} is a link.`);
    expect(stderr).not.toContain('at async');
    expect((await manifest()).state).toMatchObject({
      status: 'failed',
      failure: { remedy: 'Replace it with its target, or delete it.' },
    });
    await rm(join(run, 'evaluation/1'));
    expect(await tricks(['resume', id])).toMatchObject({ code: 0 });
  });
});

describe('a run of a newer release', () => {
  const made: Record<string, (run: Awaited<ReturnType<typeof stoppedRun>>) => Promise<void>> = {
    'run.json': ({ changeManifest }) =>
      changeManifest((manifest) => ({ ...manifest, version: 2, state: 'sealed' })),
    recipe: ({ changeManifest }) =>
      changeManifest((manifest) => ({
        ...manifest,
        recipe: { ...manifest.recipe, version: 3, model: { name: 'resnet8' } },
      })),
    checkpoint: async ({ run }) => {
      await makeNewer(lastCheckpointPath(run));
      await makeNewer(previousCheckpointPath(run));
    },
  };

  for (const [part, make] of Object.entries(made)) {
    it(`is rejected unchanged by every command if its ${part} is newer`, async () => {
      const place = await stoppedRun();
      await make(place);
      const before = await contentOf(place.run);
      const { id, tricks } = place;
      const commands = [
        ['resume', id],
        ['resume', id, '--from-scratch'],
        ['stop', id],
        ['pause', id],
        ['export', id, '--weights', 'weights.safetensors', '--checkpoint', 'last'],
      ];
      for (const command of commands) {
        const { code, stderr } = await tricks(command);
        expect([command, code]).not.toEqual([command, 0]);
        expect(stderr).toContain('A newer release of Bag of Tricks wrote it');
        expect(stderr).not.toContain('undefined');
      }
      expect(await tricks(['queue', 'start'])).toMatchObject({ code: 0 });
      expect(await contentOf(place.run)).toEqual(before);
    });
  }
});
