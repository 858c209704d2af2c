/**
 * Workspaces that came from elsewhere: their links are not followed, and their runs do not start unless the user asks.
 */
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { experimentText } from '../../support/smallTraining';
import { temporaryFolder } from '../runs/support';
import { tricksTests } from './tricks';

const work = tricksTests();

/** A folder with an experiment, and an outside folder with a file that must not be touched. */
async function places() {
  const place = await work();
  await place.write('a.yaml', experimentText({ name: 'a' }));
  const outside = await temporaryFolder();
  const precious = join(outside, 'precious');
  await writeFile(precious, 'precious\n');
  const store = join(place.folder, '.bag-of-tricks');
  return { ...place, outside, precious, store };
}

/** Queues a run in the folder. */
async function queuedRun(env: Record<string, string> = {}) {
  const place = await places();
  const added = await place.tricks(['queue', 'add', 'a.yaml'], { env });
  const id = added.stdout.trim();
  return { ...place, id, run: join(place.store, 'runs', id) };
}

describe('a link within a run', () => {
  for (const name of [
    'metrics.ndjson',
    'trainer.log',
    'reserve',
    'run.json',
    'stop',
    'lease.1',
    'queue.json',
  ]) {
    it(`is not followed at ${name}`, async () => {
      const { run, id, tricks, precious } = await queuedRun();
      if (name === 'run.json') await writeFile(precious, await readFile(join(run, name)));
      const before = await readFile(precious);
      await rm(join(run, name), { force: true });
      await symlink(precious, join(run, name));
      await tricks(['resume', id]);
      expect(await readFile(precious)).toEqual(before);
    });
  }

  it('or a folder in place of a file is named, and the run resumes once it is removed', async () => {
    const { run, id, tricks } = await queuedRun();
    await mkdir(join(run, 'stop'));
    const { code, stderr } = await tricks(['resume', id]);
    expect(code).toBe(1);
    expect(stderr).toContain(`${join(run, 'stop')} is a folder, but a file is expected.\nMove it elsewhere`);
    await rm(join(run, 'stop'), { recursive: true });
    expect(await tricks(['resume', id])).toMatchObject({ code: 0 });
  });

  it('is the reason why a run is broken, next to intact runs', async () => {
    const { run, id, tricks, precious } = await queuedRun();
    await tricks(['queue', 'add', 'a.yaml']);
    await symlink(precious, join(run, 'lease.2'));
    const listed = await tricks(['runs']);
    expect(listed.stdout).toMatch(/ broken /);
    expect(listed.stdout).toMatch(/ queued /);
    const { code, stderr } = await tricks(['resume', id]);
    expect(code).toBe(1);
    expect(stderr).toContain(`${join(run, 'lease.2')} is a link`);
  });

  for (const name of ['checkpoints', 'evaluation', 'evaluation/last']) {
    it(`is refused at the folder ${name}, with the reason`, async () => {
      const { run, id, tricks, outside } = await queuedRun();
      if (name.includes('/')) await mkdir(join(run, 'evaluation'));
      await symlink(outside, join(run, name));
      const { code, stderr } = await tricks(['resume', id]);
      expect(code).toBe(1);
      expect(stderr).toContain(`${join(run, name)} is a link. Links inside a run are not followed`);
      expect(await readdir(outside)).toEqual(['precious']);
    });
  }

  it('is refused if a teacher is a link to a run outside', async () => {
    const { tricks, write, store, outside, manifest, folder } = await places();
    expect(await tricks(['run', 'a.yaml'])).toMatchObject({ code: 0 });
    const { id } = await manifest();
    await rename(join(store, 'runs', id), join(outside, 'teacher'));
    await symlink(join(outside, 'teacher'), join(store, 'runs/teacher'));
    const tricksText = '{ distillation: { teacher: teacher } }';
    await write('b.yaml', experimentText({ name: 'b', tricks: tricksText }));
    const { code, stderr } = await tricks(['run', 'b.yaml']);
    expect(code).toBe(1);
    expect(stderr).toContain(`${join(folder, '.bag-of-tricks/runs/teacher')} is a link.`);
  });
});

describe('a store that is a link', () => {
  for (const part of ['.bag-of-tricks', '.bag-of-tricks/runs', '.bag-of-tricks/datasets']) {
    it(`is refused at ${part} until its target is allowed, once`, async () => {
      const { tricks, folder, outside } = await places();
      if (part.includes('/')) await mkdir(join(folder, '.bag-of-tricks'));
      await symlink(outside, join(folder, part));
      for (const command of [['run', 'a.yaml'], ['queue', 'add', 'a.yaml'], ['runs']]) {
        const refused = await tricks(command);
        expect([command, refused.code]).toEqual([command, 2]);
        expect(refused.stderr).toContain(`${join(folder, part)} is a link to ${outside}`);
      }
      expect(await readdir(outside)).toEqual(['precious']);
      expect(await tricks(['queue', 'add', 'a.yaml', '--allow', outside])).toMatchObject({ code: 0 });
      expect(await tricks(['queue', 'start'])).toMatchObject({ code: 0 });
    });
  }
});

describe('a run that came with its folder', () => {
  it('does not start when the queue starts, unless it is allowed', async () => {
    const other = await temporaryFolder();
    const { tricks, id, manifest, folder } = await queuedRun({ XDG_CONFIG_HOME: other });
    const refused = await tricks(['queue', 'start']);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(`came with the folder: ${id} (a.yaml)`);
    expect((await manifest()).state).toEqual({ status: 'queued' });
    const resumed = await tricks(['resume', id]);
    expect(resumed.code).toBe(2);
    expect((await manifest()).state).toEqual({ status: 'queued' });
    expect(await tricks(['queue', 'start', '--allow', folder])).toMatchObject({ code: 0 });
    expect((await manifest()).state.status).toBe('done');
  });

  it('needs consent again after its folder was copied to another place', async () => {
    const { tricks, id, store, folder } = await queuedRun();
    const copy = join(folder, 'copy');
    await mkdir(copy);
    await rename(store, join(copy, '.bag-of-tricks'));
    const refused = await tricks(['queue', 'start'], { cwd: copy });
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(id);
  });
});
