import { appendFile, mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { movedFile, placeNow, placesOf, readRenames, recordRename } from '../../../src/runs/upkeep/renames';
import { exampleRun, temporaryFolder } from './support';

const at = (...parts: string[]) => join('/project', ...parts);

describe('the places of a renamed file', () => {
  it('follow renames of the file and of folders above it, in their order', () => {
    const renames = [
      { time: 10, from: at('a.yaml'), to: at('b.yaml') },
      { time: 20, from: at('b.yaml'), to: at('deep/b.yaml') },
      { time: 30, from: at('deep'), to: at('deeper') },
      { time: 40, from: at('deepe'), to: at('none') },
    ];
    expect(placesOf(at('a.yaml'), 5, renames)[0]).toBe(at('deeper/b.yaml'));
    expect(placesOf(at('b.yaml'), 15, renames)[0]).toBe(at('deeper/b.yaml'));
    // A file created later under the old name is a different file.
    expect(placesOf(at('a.yaml'), 11, renames)).toEqual([at('a.yaml')]);
  });

  it('put a guess after the name that it is a guess for', () => {
    const guess = { time: 10, from: at('a.yaml'), to: at('b.yaml'), isGuess: true } as const;
    expect(placesOf(at('a.yaml'), 5, [guess])).toEqual([at('a.yaml'), at('b.yaml')]);
    const later = { time: 20, from: at('b.yaml'), to: at('c.yaml') };
    expect(placesOf(at('a.yaml'), 5, [guess, later])).toEqual([at('a.yaml'), at('c.yaml'), at('b.yaml')]);
  });

  it('are looked up on disk: the likeliest existing one counts', async () => {
    const { root } = await exampleRun();
    const [a, b] = [join(root, 'a.yaml'), join(root, 'b.yaml')];
    await recordRename(root, { time: 10, from: a, to: b, isGuess: true });
    const now = async () => placeNow(a, 5, await readRenames(root));
    expect(await now()).toBe(a);
    await writeFile(b, '');
    expect(await now()).toBe(b);
    await writeFile(a, '');
    expect(await now()).toBe(a);
    await recordRename(root, { time: 20, from: a, to: b });
    expect(await now()).toBe(b);
  });
});

describe('renames', () => {
  it('survive the move of a project, and lines that are not renames are skipped', async () => {
    const { root } = await exampleRun();
    await recordRename(root, { time: 10, from: join(root, 'a.yaml'), to: join(root, 'in/b.yaml') });
    const path = join(root, '.bag-of-tricks/renames.ndjson');
    await appendFile(path, '{"time":1}\n{ half\n');
    expect(await readFile(path, 'utf8')).toContain('"from":"a.yaml","to":"in/b.yaml"');
    const moved = join(await temporaryFolder(), 'moved');
    await rename(root, moved);
    await mkdir(root);
    expect(await readRenames(moved)).toEqual([
      { time: 10, from: join(moved, 'a.yaml'), to: join(moved, 'in/b.yaml') },
    ]);
  });

  it('are written through no link', async () => {
    const { root } = await exampleRun();
    const outside = join(await temporaryFolder(), 'outside');
    await writeFile(outside, 'kept');
    await symlink(outside, join(root, '.bag-of-tricks/renames.ndjson'));
    await expect(recordRename(root, { time: 1, from: 'a', to: 'b' })).rejects.toThrow('is a link');
    expect(await readFile(outside, 'utf8')).toBe('kept');
    expect(await readRenames(root)).toEqual([]);
  });
});

describe('the file of runs whose own file is gone', () => {
  const runs = [
    { text: 'later', name: 'fashion' },
    { text: 'first', name: 'fashion' },
  ];
  const candidate = (file: string, text: string, name: string | null, hasRuns = false) => ({
    ...{ file, text, name, hasRuns },
  });

  it('is the only one with the same text, whatever its name', () => {
    const other = candidate('b', 'else', 'fashion');
    expect(movedFile(runs, [candidate('a', 'first', 'other', true), other])).toBe('a');
  });

  it('is otherwise the only one of the same name without its own runs', () => {
    expect(movedFile(runs, [candidate('a', 'x', 'fashion'), candidate('b', 'y', 'other')])).toBe('a');
    expect(movedFile(runs, [candidate('a', 'x', 'fashion', true), candidate('b', 'y', 'fashion')])).toBe('b');
  });

  it('is none if several qualify, or none', () => {
    expect(movedFile(runs, [candidate('a', 'first', null), candidate('b', 'later', null)])).toBeNull();
    expect(movedFile(runs, [candidate('a', 'x', 'fashion'), candidate('b', 'y', 'fashion')])).toBeNull();
    expect(movedFile(runs, [candidate('a', 'x', null)])).toBeNull();
  });
});
