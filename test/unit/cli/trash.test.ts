import { readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { experimentText } from '../../support/smallTraining';
import { tricksTests } from './tricks';

const work = tricksTests();

/** A folder with queued runs of these names. */
async function workWith(...names: string[]) {
  const place = await work();
  for (const name of names) await place.write(`${name}.yaml`, experimentText({ name }));
  const added = await place.tricks(['queue', 'add', ...names.map((name) => `${name}.yaml`)]);
  const store = join(place.folder, '.bag-of-tricks');
  const runs = async () => (await readdir(join(store, 'runs'))).sort();
  return { ...place, ids: added.stdout.trimEnd().split('\n'), runs, trash: join(store, 'trash') };
}

test('runs are moved to the trash, listed there with their size, and restored', async () => {
  const { tricks, ids, runs } = await workWith('a', 'b', 'c');
  const [a = '', b = '', c = ''] = ids;
  expect(await tricks(['rm', a, 'none'])).toMatchObject({ code: 2, stdout: '' });
  expect(await runs()).toEqual(ids.toSorted());

  const removed = await tricks(['rm', a, b]);
  expect(removed).toMatchObject({ code: 0, stderr: '' });
  expect(removed.stdout).toContain(`Deleted ${a}. To restore it: tricks trash restore ${a}\n`);
  expect(await runs()).toEqual([c]);
  expect(JSON.parse((await tricks(['queue', '--json'])).stdout)).toMatchObject([{ id: c }]);

  const listed = await tricks(['trash']);
  expect(listed.stdout).toMatch(
    /^RUN +DELETED +SIZE\n(\S+ +(now|\d+ min) +\d[\d.]* KiB\n){2}\d[\d.]* KiB in all\. /,
  );
  expect(JSON.parse((await tricks(['trash', '--json'])).stdout)).toMatchObject([{ id: b }, { id: a }]);

  expect(await tricks(['trash', 'restore', ''])).toMatchObject({ code: 2 });
  expect(await tricks(['trash', 'restore', 'last'])).toMatchObject({ code: 0, stdout: `Restored ${b}.\n` });
  expect(await runs()).toEqual([b, c].sort());
});

test('the trash is emptied after a confirmation, and runs older than thirty days are deleted automatically', async () => {
  const { tricks, ids, trash } = await workWith('a', 'b');
  const [a = '', b = ''] = ids;
  await tricks(['rm', a]);
  const kept = await tricks(['trash', 'empty']);
  expect(kept).toMatchObject({ code: 2, stderr: expect.stringContaining('The trash was kept: 1 run') });
  const [name = ''] = await readdir(trash);
  await rename(join(trash, name), join(trash, `${a}.${Date.now() - 31 * 86_400_000}`));
  await tricks(['rm', b]);
  expect((await readdir(trash)).map((each) => each.startsWith(b))).toEqual([true]);
  expect(await tricks(['trash', 'empty', '--yes'])).toMatchObject({ code: 0 });
  expect(await readdir(trash)).toEqual([]);
  expect(await tricks(['trash'])).toMatchObject({ code: 0, stdout: '' });
});

test('a run can be renamed, and get the name of its experiment back', async () => {
  const { tricks, ids } = await workWith('a');
  const [id = ''] = ids;
  const called = async () => JSON.parse((await tricks(['show', id, '--json'])).stdout).name;
  expect(await tricks(['rename', id, 'my best'])).toMatchObject({
    code: 0,
    stdout: `${id} is now called my best.\n`,
  });
  expect(await called()).toBe('my best');
  await tricks(['rename', id]);
  expect(await called()).toBe('a');
});

test("'rm --for-good' leaves nothing", async () => {
  const { tricks, ids, runs, folder } = await workWith('a');
  expect(await tricks(['rm', '--for-good', ...ids])).toMatchObject({ code: 0 });
  expect(await runs()).toEqual([]);
  expect(await readdir(join(folder, '.bag-of-tricks'))).not.toContain('trash');
  expect(await readFile(join(folder, 'a.yaml'), 'utf8')).toContain('name: a');
});
