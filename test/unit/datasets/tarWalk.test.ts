import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TarError, type TarMember, tarMembers } from '../../../src/datasets/formats/tarWalk';
import { expected, FIXTURES } from './listingHere';
import { type TarEntry, tarBytes } from './tarBytes';

function walk(archive: Uint8Array): { members: TarMember[]; hasEnd: boolean } {
  const members: TarMember[] = [];
  const walking = tarMembers((at, length) => archive.subarray(at, at + length), archive.length);
  for (;;) {
    const { done, value } = walking.next();
    if (done) return { members, hasEnd: value };
    members.push(value);
  }
}

function errorOf(archive: Uint8Array): TarError {
  try {
    walk(archive);
  } catch (error) {
    if (error instanceof TarError) return error;
    throw error;
  }
  throw new Error('The archive was read.');
}

const files: TarEntry[] = [
  { name: 'a.jpg', content: Buffer.alloc(700, 1) },
  { name: 'a.cls', content: '3' },
];
const SMALL = tarBytes(files);

describe('tarMembers', () => {
  it.each(['000', '001', '002'])("finds in shard %s what Python's tarfile finds", async (number) => {
    const { members, hasEnd } = walk(await readFile(join(FIXTURES, 'shards', `train-${number}.tar`)));
    expect(members.map(({ name, start, length }) => [name, start, length])).toEqual(
      expected(`tar ${number}`),
    );
    expect(hasEnd).toBe(true);
  });

  it('finds any files, wherever they are', () => {
    const entry = fc.record({
      name: fc.stringMatching(/^[a-z0-9]{1,90}\.(jpg|cls)$/),
      content: fc.uint8Array({ maxLength: 1500 }),
    });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 8 }), (entries) => {
        const archive = tarBytes(entries);
        const found = walk(archive).members.map(({ name, start, length }) => [
          name,
          [...archive.subarray(start, start + length)],
        ]);
        expect(found).toEqual(entries.map(({ name, content }) => [name, [...content]]));
      }),
    );
  });

  it('skips folders, links and devices', () => {
    const archive = tarBytes([
      { name: 'folder/', type: '5' },
      { name: 'link.jpg', type: '2' },
      { name: 'hard.jpg', type: '1' },
      { name: 'device', type: '3' },
      { name: 'a.jpg', content: 'x' },
    ]);
    expect(walk(archive).members.map(({ name }) => name)).toEqual(['a.jpg']);
  });

  it('reads sizes past 8 GiB in both encodings', () => {
    const size = 9 * 2 ** 30;
    const base256 = tarBytes([{ name: 'a.jpg', content: '' }]);
    base256.fill(0, 124, 136);
    base256[124] = 0x80;
    base256.writeUIntBE(size, 130, 6);
    for (const archive of [
      checked(base256),
      tarBytes([{ name: 'x', type: 'x', content: pax('size', size) }, { name: 'a' }]),
    ]) {
      const walking = tarMembers((at, length) => archive.subarray(at, at + length), size * 2);
      expect(walking.next().value).toMatchObject({ length: size });
    }
  });

  it('accepts a missing end mark, and says so', () => {
    expect(walk(SMALL)).toMatchObject({ hasEnd: true });
    const { members, hasEnd } = walk(SMALL.subarray(0, SMALL.length - 1024));
    expect(members).toHaveLength(2);
    expect(hasEnd).toBe(false);
  });

  const damaged = Buffer.from(SMALL);
  damaged[512 + 1024 + 3]! ^= 1;
  it.each<[string, Uint8Array, string, number]>([
    [
      'a cut member',
      SMALL.subarray(0, 900),
      'truncated in a.jpg: it ends at byte 900, but the member ends at byte 1212',
      0,
    ],
    ['a cut header', SMALL.subarray(0, 1600), 'The archive is truncated in the header at byte 1536.', 1536],
    ['a damaged header', damaged, 'The header at byte 1536 is damaged: its checksum is wrong.', 1536],
    ['no archive', Buffer.from('<!doctype html>'.padEnd(600)), 'This is not a tar archive.', 0],
    [
      'archives one after another',
      Buffer.concat([SMALL, SMALL]),
      'There is data after the end of the archive, at byte 3584.',
      3584,
    ],
    ['a size that is no number', checked(withField(SMALL, 124, 'many')), 'its size is not a number', 0],
    [
      'a pax header without attributes',
      tarBytes([{ name: 'x', type: 'x', content: '99 path=a\n' }]),
      'it has no attributes',
      0,
    ],
    [
      'a name as long as a film',
      tarBytes([{ name: 'x', type: 'L', content: Buffer.alloc(2 ** 20 + 1, 65) }]),
      'The name at byte 0 is too long: 1048577 bytes.',
      0,
    ],
    [
      'a file stored without its zeros',
      tarBytes([{ name: 'a.jpg', type: 'S', content: 'x' }]),
      'stored as a sparse file',
      0,
    ],
  ])('explains %s', (_, archive, what, position) => {
    const error = errorOf(archive);
    expect(error.message).toContain(what);
    expect(error.position).toBe(position);
  });

  it('reads any damaged archive or says where it is damaged', () => {
    const change = fc.tuple(fc.nat(SMALL.length - 1), fc.nat(255));
    fc.assert(
      fc.property(
        fc.array(change, { minLength: 1, maxLength: 4 }),
        fc.nat(SMALL.length),
        (changes, length) => {
          const archive = Buffer.from(SMALL.subarray(0, length));
          for (const [at, byte] of changes) if (at < length) archive[at] = byte;
          try {
            for (const { start, length: bytes } of walk(archive).members)
              expect(start + bytes).toBeLessThanOrEqual(length);
          } catch (error) {
            expect(error).toBeInstanceOf(TarError);
          }
        },
      ),
    );
  });
});

function pax(key: string, value: string | number): string {
  const rest = ` ${key}=${value}\n`;
  return `${rest.length + 2}${rest}`;
}

function withField(archive: Uint8Array, at: number, text: string): Buffer {
  const changed = Buffer.from(archive);
  changed.write(text, at);
  return changed;
}

/** Recomputes the first header's checksum. */
function checked(archive: Buffer): Buffer {
  archive.fill(' ', 148, 156);
  const sum = archive.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  archive.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return archive;
}
