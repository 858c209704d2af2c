import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { chooseEngine, engineStates } from '../../../src/engines/choice';
import { findDawn } from '../../../src/engines/dawn';
import { diagnose } from '../../../src/engines/doctor';
import { linesOf } from '../../../src/engines/doctorText';
import { ADDON, type EnginePlaces, findInstallations, RECORD } from '../../../src/engines/installations';
import { type FileOwnership, otherWriter, ownGroupsIn, type User } from '../../../src/system/ownership';
import { PathTrust } from '../../../src/system/pathTrust';

/** The uid of another user. */
const MALLORY = 54_321;

/** A workspace with an engine package whose addon creates a file when it is loaded. */
let root: string;
let places: EnginePlaces;
let folder: string;
let addon: string;
let library: string;
let mark: string;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'planted-')));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const workspace = join(root, 'shared/workspace');
  folder = join(workspace, 'node_modules/@tensorflow/tfjs-node');
  [addon, library, mark] = [
    join(folder, 'lib/napi-v8', ADDON),
    join(folder, 'deps/lib/libtensorflow.so.2'),
    join(root, 'ran'),
  ];
  for (const each of ['lib/napi-v8', 'deps/lib']) mkdirSync(join(folder, each), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "name": "@tensorflow/tfjs-node", "version": "4.22.0" }');
  writeFileSync(library, 'a library');
  execFileSync('cc', ['-shared', '-fPIC', '-x', 'c', '-', '-o', addon], {
    input: `#include <fcntl.h>\n__attribute__((constructor)) static void run(void) { open("${mark}", O_CREAT | O_WRONLY, 0644); }`,
  });
  places = { workspace, managed: join(root, 'engines') };
});

describe.runIf(process.platform !== 'win32')('an engine in the workspace', () => {
  it('is loaded if nobody else can change it', async () => {
    expect(await tensorflow()).toMatchObject({ status: 'broken' });
    expect(existsSync(mark)).toBe(true);
  });

  it('is searched only in the workspace, and in no folder above it', async () => {
    renameSync(join(root, 'shared/workspace/node_modules'), join(root, 'shared/node_modules'));
    expect(findInstallations('tensorflow', places)).toEqual([]);
    expect(await tensorflow()).toMatchObject({ status: 'missing' });
    expect(existsSync(mark)).toBe(false);
  });

  it('is not searched if the workspace is not trusted', async () => {
    expect(findInstallations('tensorflow', { ...places, workspace: null })).toEqual([]);
  });

  const isRoot = process.getuid?.() === 0;
  const BELONGS = ' belongs to another user (id ';
  const BY_EVERY_USER = ': Every user of this machine can change ';
  it.skipIf(!isRoot).each<[string, string, () => void]>([
    ['belongs to another user, the package', BELONGS, () => chownSync(folder, MALLORY, 0)],
    ['belongs to another user, the addon', BELONGS, () => chownSync(addon, MALLORY, 0)],
    ['belongs to another user, a library', BELONGS, () => chownSync(library, MALLORY, 0)],
    [
      'belongs to another user, the folder of packages',
      BELONGS,
      () => chownSync(join(folder, '../..'), MALLORY, 0),
    ],
    ['belongs to another user, a folder above', BELONGS, () => chownSync(join(root, 'shared'), MALLORY, 0)],
    ['belongs to another user, where a link leads', BELONGS, () => linkTo(MALLORY)],
    ['belongs to another user, a link', BELONGS, () => lchownSync(linkTo(0), MALLORY, 0)],
    ['can be changed by every user, the package', BY_EVERY_USER, () => chmodSync(folder, 0o777)],
    [
      'can be changed by every user, though it is sticky',
      BY_EVERY_USER,
      () => chmodSync(join(folder, 'deps/lib'), 0o1777),
    ],
    ['can be changed by every user, the addon', BY_EVERY_USER, () => chmodSync(addon, 0o666)],
    [
      'can be changed by every user, a folder above',
      BY_EVERY_USER,
      () => chmodSync(join(root, 'shared'), 0o777),
    ],
    [
      'can be changed by the group',
      `The group ${MALLORY} can change `,
      () => {
        chownSync(library, 0, MALLORY);
        chmodSync(library, 0o664);
      },
    ],
  ])('and %s, is refused, and the doctor says why', async (_, problem, open) => {
    open();
    const diagnosis = await diagnose(places);
    const line = linesOf(diagnosis).find((each) => each.startsWith('tensorflow: ')) ?? '';
    expect(line).toMatch(/^tensorflow: refused\. .* is not loaded, because others could change /);
    expect(line).toContain(problem);
    expect(diagnosis.auto.engine).not.toBe('tensorflow');
    expect(existsSync(mark)).toBe(false);
  });

  it('is used below a sticky folder, such as /tmp', async () => {
    chmodSync(join(root, 'shared'), 0o1777);
    expect(findInstallations('tensorflow', places)).toMatchObject([{ problem: null }]);
  });

  it('is not loaded on Windows, where it is unknown who can change it', () => {
    const [installation] = findInstallations('tensorflow', { ...places, user: null });
    expect(installation?.problem).toMatchObject({
      kind: 'refused',
      failure: { what: expect.stringContaining('on Windows') },
    });
  });

  it('is replaced by that of the product, which is checked the same way', async () => {
    const managed = join(root, 'engines/tensorflow');
    mkdirSync(managed, { recursive: true });
    writeFileSync(join(managed, RECORD), '{}');
    writeFileSync(join(managed, ADDON), 'no addon');
    chmodSync(addon, 0o666);
    const found = findInstallations('tensorflow', places);
    expect(found.map(({ origin, problem }) => [origin, problem?.kind ?? null])).toEqual([
      ['workspace', 'refused'],
      ['managed', null],
    ]);
    const state = await tensorflow();
    expect(state).toMatchObject({ status: 'refused', skipped: [expect.stringContaining('is damaged')] });
    chmodSync(managed, 0o777);
    expect(findInstallations('tensorflow', places)[1]?.problem?.kind).toBe('refused');
  });

  function linkTo(owner: number): string {
    const elsewhere = join(root, 'elsewhere.so');
    renameSync(library, elsewhere);
    chownSync(elsewhere, owner, 0);
    symlinkSync(elsewhere, library);
    return library;
  }
});

describe('a damaged package', () => {
  it.each<[string, () => void]>([
    ['has no version', () => writeFileSync(join(folder, 'package.json'), '{}')],
    ['is cut off', () => truncateSync(join(folder, 'package.json'), 20)],
    ['is missing', () => rmSync(join(folder, 'package.json'))],
    ['is a folder', () => replaceBy(() => mkdirSync(join(folder, 'package.json')))],
    ['is a pipe', () => replaceBy(() => execFileSync('mkfifo', [join(folder, 'package.json')]))],
  ])('whose package.json %s is called broken, and the next engine is used', async (_, damage) => {
    damage();
    const states = await engineStates(places);
    expect(states.find(({ name }) => name === 'tensorflow')).toMatchObject({
      status: 'broken',
      detail: `${join(folder, 'package.json')} is damaged: it is not JSON with a version.`,
      remedy: expect.stringContaining('npm rebuild @tensorflow/tfjs-node'),
    });
    const { engine, because } = chooseEngine(states);
    expect(engine).not.toBe('tensorflow');
    expect(because.join('\n')).toContain('is damaged');
  });

  it.each<[string, () => void]>([
    ['without its addon', () => rmSync(addon)],
    ['without its libraries', () => rmSync(join(folder, 'lib'), { recursive: true })],
    [
      'with a file in their place',
      () => {
        rmSync(join(folder, 'lib'), { recursive: true });
        writeFileSync(join(folder, 'lib'), '');
      },
    ],
  ])('%s is called broken', async (_, damage) => {
    damage();
    expect(await tensorflow()).toMatchObject({
      status: 'broken',
      detail: expect.stringContaining('has no addon'),
    });
  });

  it('of the product, whose record names an addon elsewhere or is a pipe, is called broken', async () => {
    rmSync(join(root, 'shared'), { recursive: true });
    const managed = join(root, 'engines/tensorflow');
    mkdirSync(managed, { recursive: true });
    writeFileSync(join(root, 'engines', ADDON), 'elsewhere');
    const record = {
      engine: 'tensorflow',
      versions: {},
      platform: 'linux',
      arch: 'x64',
      installedAt: 1,
      bytes: 1,
    };
    writeFileSync(join(managed, RECORD), JSON.stringify({ ...record, addon: `../${ADDON}` }));
    expect(await tensorflow()).toMatchObject({
      status: 'broken',
      detail: expect.stringContaining('has no addon'),
    });
    rmSync(join(managed, RECORD));
    execFileSync('mkfifo', [join(managed, RECORD)]);
    expect(await tensorflow()).toMatchObject({ status: 'broken' });
  });

  function replaceBy(make: () => void): void {
    rmSync(join(folder, 'package.json'));
    make();
  }
});

it('Dawn is searched only in the product, and in no folder above it', () => {
  const [product, system] = [join(root, 'product/dist'), `${process.platform}-${process.arch}`];
  const planted = join(root, 'node_modules/webgpu/dist', system.replace(/^darwin-.*/, 'darwin-universal'));
  for (const each of [product, planted]) mkdirSync(each, { recursive: true });
  writeFileSync(join(root, 'node_modules/webgpu/package.json'), '{}');
  writeFileSync(join(planted, 'dawn.node'), '');
  expect(findDawn(product)).toBeNull();
  mkdirSync(join(product, 'dawn'));
  writeFileSync(join(product, 'dawn/dawn.node'), '');
  expect(findDawn(product)).toBe(join(product, 'dawn/dawn.node'));
});

describe('who else can change a file', () => {
  const user: User = { uid: 1000, ownGroups: new Set([1000]) };
  const file = (uid: number, gid: number, mode: number, isLink = false): FileOwnership => ({
    uid,
    gid,
    mode,
    isLink,
  });
  it.each([
    [file(1000, 1000, 0o755), null],
    [file(0, 0, 0o755), null],
    [file(1000, 1000, 0o775), null],
    [file(1000, 100, 0o755), null],
    [file(1000, 100, 0o775), { kind: 'group', gid: 100 }],
    [file(1001, 1000, 0o755), { kind: 'owner', uid: 1001 }],
    [file(1000, 1000, 0o757), { kind: 'everyone' }],
    [file(0, 0, 0o1777), { kind: 'everyone' }],
    [file(1000, 1000, 0o777, true), null],
    [file(1001, 1000, 0o777, true), { kind: 'owner', uid: 1001 }],
  ])('%j', (ownership, writer) => {
    expect(otherWriter(ownership, user, false)).toEqual(writer);
  });

  it('in a sticky folder on the way is only its owner', () => {
    expect(otherWriter(file(0, 0, 0o1777), user, true)).toBeNull();
    expect(otherWriter(file(1001, 0, 0o1777), user, true)).toEqual({ kind: 'owner', uid: 1001 });
  });

  it('by a group depends on its members, and on whose primary group it is', () => {
    const group = [
      'root:x:0:',
      'ann:x:1000:',
      'pair:x:1001:ann,bob',
      'staff:x:20:',
      'mine:x:1002:ann',
      'other:x:1003:',
    ];
    const passwd = ['root:x:0:0::/root:/bin/sh', 'ann:x:1000:1000::/:/bin/sh', 'bob:x:1001:20::/:/bin/sh'];
    const own = (uid: number) =>
      [...ownGroupsIn(group.join('\n'), passwd.join('\n'), uid)].sort((a, b) => a - b);
    expect(own(1000)).toEqual([0, 1000, 1002]);
    expect(own(1001)).toEqual([0, 20]);
    // A uid that no file lists, as in a container that runs with any id.
    expect(own(4711)).toEqual([0]);
  });

  it('follows every link on the way, and ends at a loop', () => {
    const own: User = { uid: process.geteuid?.() ?? 0, ownGroups: new Set() };
    const trust = new PathTrust(own);
    symlinkSync('shared/../shared/workspace', join(root, 'way'));
    expect(trust.untrustedPlace(join(root, 'way/node_modules'))).toBeNull();
    chmodSync(join(root, 'shared'), 0o777);
    expect(new PathTrust(own).untrustedPlace(join(root, 'way/node_modules'))).toEqual({
      path: join(root, 'shared'),
      writer: { kind: 'everyone' },
    });
    symlinkSync('circle', join(root, 'circle'));
    expect(() => trust.untrustedPlace(join(root, 'circle'))).toThrow('ELOOP');
  });
});

async function tensorflow() {
  return (await engineStates(places)).find(({ name }) => name === 'tensorflow');
}
