import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { dawnMissing, findDawn } from '../../../src/engines/dawn';
import { explainDawnLoadError, probeDawn } from '../../../src/engines/dawnProbe';
import type { Installation } from '../../../src/engines/installations';
import { type BinarySystem, binarySystemIn, binarySystemOf } from '../../../src/engines/libraryFault';
import { explainLoadError } from '../../../src/engines/loadError';
import { macosOf, notInstalled, type System, thisSystem } from '../../../src/engines/systems';

const debian: System = { platform: 'linux', arch: 'x64', glibc: '2.36', macos: null };
const alpine: System = { ...debian, glibc: null };
const centos7: System = { ...debian, glibc: '2.17' };
const focal: System = { ...debian, glibc: '2.31' };
const windows: System = { platform: 'win32', arch: 'x64', glibc: null, macos: null };
const mac: System = { platform: 'darwin', arch: 'arm64', glibc: null, macos: '15' };
const sonoma: System = { ...mac, macos: '14' };

describe('a missing engine', () => {
  it.each<[string, 'tensorflow' | 'tensorflow-gpu', System]>([
    ['Debian', 'tensorflow', debian],
    ['Debian', 'tensorflow-gpu', debian],
    ['Linux on Arm', 'tensorflow', { ...debian, arch: 'arm64' }],
    ['macOS', 'tensorflow', mac],
  ])('is offered on %s: %s', (_, engine, system) => {
    expect(notInstalled(engine, system).remedy).toContain(`tricks engine install ${engine}`);
  });

  it.each<[string, 'tensorflow' | 'tensorflow-gpu', System, string]>([
    ['Windows', 'tensorflow', windows, 'TensorFlow has no library for win32 on x64.'],
    ['Windows', 'tensorflow-gpu', windows, 'TensorFlow has no library for GPUs on win32 x64.'],
    ['a Mac of Intel', 'tensorflow', { ...mac, arch: 'x64' }, 'TensorFlow has no library for darwin on x64.'],
    ['macOS', 'tensorflow-gpu', mac, 'TensorFlow has no library for GPUs on darwin arm64.'],
    [
      'an old macOS',
      'tensorflow',
      { ...mac, macos: '11' },
      'TensorFlow needs macOS 12 or newer, but this is macOS 11.',
    ],
    [
      'an old Linux',
      'tensorflow',
      centos7,
      'TensorFlow needs GLIBC 2.27 or newer, but this system has 2.17.',
    ],
    [
      'Alpine',
      'tensorflow',
      alpine,
      "TensorFlow needs the GNU C library, but this system has a different one, such as Alpine's musl.",
    ],
  ])('is not offered on %s: %s', (_, engine, system, what) => {
    expect(notInstalled(engine, system)).toEqual({ what, remedy: null });
  });

  it('is judged by the system of this machine', () => {
    const { platform, arch } = process;
    expect(thisSystem()).toMatchObject({ platform, arch });
    if (platform === 'linux') expect(thisSystem().glibc).toMatch(/^2\.\d+$/);
    expect(dawnMissing()).toContain(platform);
  });

  it.each([
    ['20.6.0', '11'],
    ['24.1.0', '15'],
    ['25.0.0', '26'],
    ['', null],
  ])('of the kernel Darwin %j is macOS %j', (kernel, version) => {
    expect(macosOf(kernel)).toBe(version);
  });
});

/** dyld's message if a system library lacks a symbol that a newer one has. */
const NEWER_MACOS = `dlopen(/x/dawn.node, 0x0001): Symbol not found: _MTLTensorDomain
  Referenced from: <4C4C44> /x/dawn.node (built for macOS 15.0 which is newer than running OS)
  Expected in:     <8D5F31> /System/Library/Frameworks/Metal.framework/Versions/A/Metal`;

describe('Dawn that does not load', () => {
  it.each<[string, System, string, RegExp, RegExp]>([
    [
      'without the Visual C++ runtime',
      windows,
      'The specified module could not be found.\r\n\\\\?\\C:\\tricks\\dist\\dawn\\dawn.node',
      /missing, such as the Visual C\+\+ runtime/,
      /Visual C\+\+ Redistributable" for x64/,
    ],
    [
      'in a file that is no library of Windows',
      windows,
      '\\\\?\\C:\\tricks\\dist\\dawn\\dawn.node is not a valid Win32 application.',
      /damaged, or was built for another system/,
      /Bag of Tricks package for this system/,
    ],
    [
      'on a macOS that is too old',
      sonoma,
      NEWER_MACOS,
      /^Dawn needs macOS 15 or newer, but this is macOS 14\.$/,
      /newer system/,
    ],
    [
      'on a macOS whose version is unknown',
      { ...mac, macos: null },
      NEWER_MACOS,
      /too old for Dawn, which needs macOS 15\.0/,
      /newer system/,
    ],
    [
      'on a macOS that lacks a function',
      { ...mac, macos: null },
      'Symbol not found: (_newOne)\n  Referenced from: /x/dawn.node\n  Expected in: /usr/lib/libSystem.B.dylib',
      /too old for Dawn, which needs macOS 15\.$/,
      /newer system/,
    ],
    [
      'on a macOS that does not allow it',
      mac,
      "dlopen(/x/dawn.node, 0x0001): tried: '/x/dawn.node' (code signature in <A> '/x/dawn.node' not valid for use in process)",
      /macOS does not allow/,
      /Reinstall Bag of Tricks/,
    ],
    [
      'on another processor of macOS',
      mac,
      "dlopen(/x/dawn.node, 0x0001): tried: '/x/dawn.node' (mach-o file, but is an incompatible architecture (have 'x86_64', need 'arm64'))",
      /built for another system/,
      /package for this system/,
    ],
    [
      'on a Linux that is too old',
      focal,
      "/lib/libc.so.6: version `GLIBC_2.34' not found (required by /x/dawn.node)",
      /^Dawn needs GLIBC 2\.34 or newer, but this system has 2\.31\.$/,
      /newer system/,
    ],
    [
      'on a Linux whose C++ library is too old',
      debian,
      "/lib/libstdc++.so.6: version `GLIBCXX_3.4.32' not found (required by /x/dawn.node)",
      /too old for Dawn, which needs GLIBCXX_3\.4\.32\./,
      /newer system/,
    ],
    [
      'on Alpine',
      alpine,
      'Error loading shared library ld-linux-x86-64.so.2: No such file or directory (needed by /x/dawn.node)',
      /needs the GNU C library/,
      /another engine/,
    ],
    [
      'without a library',
      debian,
      'libX11.so.6: cannot open shared object file: No such file or directory',
      /library libX11\.so\.6, which Dawn needs, is missing/,
      /system package that provides it/,
    ],
    [
      'in a file that is cut off',
      debian,
      '/x/dawn.node: file too short',
      /damaged/,
      /package for this system/,
    ],
    [
      'for a reason that nobody knows',
      debian,
      'Strange\nand long',
      /^Dawn did not load: Strange$/,
      /another engine/,
    ],
  ])('%s says so, and what to do', (_, system, message, what, remedy) => {
    const failure = explainDawnLoadError(message, null, system);
    expect(failure.what).toMatch(what);
    expect(failure.remedy).toMatch(remedy);
    expect(failure.remedy).not.toContain('driver');
  });

  it('from a package for another system says which, whatever the linker says', () => {
    const binary: BinarySystem = { platform: 'linux', arch: 'arm64' };
    expect(explainDawnLoadError('invalid ELF header', binary, mac)).toEqual({
      what: 'Dawn was built for linux arm64, but this system is darwin arm64.',
      remedy: 'Install the Bag of Tricks package for this system.',
    });
  });

  it('is detected in a real process', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'systems-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'dawn.node');
    const other = process.platform === 'win32' ? elf(0x3e) : pe(0xaa64);
    const name = process.platform === 'win32' ? 'linux x64' : 'win32 arm64';
    writeFileSync(path, other);
    expect(await probeDawn(path)).toMatchObject({
      outcome: 'broken',
      reason: `Dawn was built for ${name}, but this system is ${process.platform} ${process.arch}.`,
      remedy: expect.not.stringContaining('driver'),
    });
  });
});

describe('the target of a compiled file', () => {
  it.each<[string, Uint8Array, BinarySystem | null]>([
    ['ELF', elf(0xb7), { platform: 'linux', arch: 'arm64' }],
    ['ELF of a processor that is unknown', elf(0xf3), { platform: 'linux', arch: null }],
    ['Mach-O', machO(0x0100000c), { platform: 'darwin', arch: 'arm64' }],
    [
      'Mach-O of several',
      Buffer.concat([Buffer.from('cafebabe', 'hex'), Buffer.alloc(100)]),
      { platform: 'darwin', arch: null },
    ],
    ['PE', pe(0x8664), { platform: 'win32', arch: 'x64' }],
    ['a program of DOS', Buffer.concat([Buffer.from('MZ'), Buffer.alloc(100)]), null],
    ['text', Buffer.from('not a library'.repeat(10)), null],
    ['nothing', Buffer.alloc(0), null],
  ])('of %s is read from its first bytes', (_, bytes, system) => {
    expect(binarySystemIn(bytes)).toEqual(system);
  });

  it('is this system where Dawn is, and what runs this', async () => {
    const { platform, arch } = process;
    expect(await binarySystemOf(process.execPath)).toEqual({ platform, arch });
    const dawn = findDawn();
    if (dawn && platform !== 'darwin') expect(binarySystemIn(readFileSync(dawn))).toEqual({ platform, arch });
  });

  it('is never an error, whatever the bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void binarySystemIn(bytes)));
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 62, maxLength: 200 }), (bytes) => {
        binarySystemIn(Buffer.concat([Buffer.from('MZ'), bytes]));
      }),
    );
  });
});

describe('an addon that does not load', () => {
  const installation: Installation = {
    ...{ engine: 'tensorflow', origin: 'managed', folder: '/e', addonPath: '/e/a.node' },
    ...{ versions: {}, unverified: [], problem: null },
  };

  it.each<[string, System, string]>([
    [
      'libtensorflow_cc.so.2: cannot open shared object file',
      debian,
      'The library libtensorflow_cc.so.2 is missing from /e.',
    ],
    [
      'Library not loaded: @rpath/libtensorflow_cc.2.dylib',
      mac,
      'The library libtensorflow_cc.2.dylib is missing from /e.',
    ],
    [
      'Error loading shared library libc.so.6: No such file',
      alpine,
      'The library in /e needs the GNU C library, but',
    ],
    [
      "/lib/libm.so.6: version `GLIBC_2.27' not found",
      centos7,
      'This system is too old for the library in /e, which needs GLIBC_2.27.',
    ],
    [
      'Symbol not found: _TF_Version\n Expected in: /e/libtensorflow_cc.2.dylib',
      mac,
      'The addon and the library in /e have different versions: TF_Version',
    ],
    [
      'was compiled against a different Node.js version using NODE_MODULE_VERSION 108',
      windows,
      'The addon in /e was built for a Node version other than',
    ],
    ['Something else', mac, 'The addon in /e did not load: Something else.'],
  ])('%j on %j says so', (message, system, what) => {
    expect(explainLoadError(new Error(message), installation, null, system).what).toContain(what);
  });

  it('of another system says which', () => {
    const binary: BinarySystem = { platform: 'darwin', arch: 'arm64' };
    expect(explainLoadError('invalid ELF header', installation, binary, debian).what).toBe(
      '/e was built for darwin arm64, but this system is linux x64.',
    );
  });
});

function elf(machine: number): Buffer {
  const bytes = Buffer.alloc(128);
  bytes.write('7f454c46', 0, 'hex');
  bytes.writeUInt16LE(machine, 18);
  return bytes;
}

function machO(cpu: number): Buffer {
  const bytes = Buffer.alloc(128);
  bytes.write('cffaedfe', 0, 'hex');
  bytes.writeUInt32LE(cpu, 4);
  return bytes;
}

function pe(machine: number): Buffer {
  const bytes = Buffer.alloc(256);
  bytes.write('MZ', 0);
  bytes.writeUInt32LE(128, 0x3c);
  bytes.write('PE', 128);
  bytes.writeUInt16LE(machine, 132);
  return bytes;
}
