import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findNode } from '../../../src/system/findNode';

describe.skipIf(process.platform === 'win32')('a Node on the PATH', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'path-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it('is the first that is new enough, and not another program', async () => {
    const old = folderWith('old', '#!/bin/sh\necho v18.20.1\n');
    const broken = folderWith('broken', 'nothing that runs');
    const empty = folder('empty');
    const real = folder('real');
    symlinkSync(process.execPath, join(real, 'node'));
    const later = folderWith('later', '#!/bin/sh\necho v99.0.0\n');
    const path = [old, broken, empty, join(root, 'nowhere'), real, later].join(delimiter);
    expect(await findNode(path)).toBe(join(real, 'node'));
    expect(await findNode([old, broken, empty].join(delimiter))).toBeNull();
    expect(await findNode('')).toBeNull();
  });

  it('is never one in the working folder', async () => {
    const here = folderWith('here', '#!/bin/sh\necho v99.0.0\n');
    const before = process.cwd();
    process.chdir(here);
    expect(await findNode(['', '.', '../here'].join(delimiter))).toBeNull();
    process.chdir(before);
  });

  function folder(name: string): string {
    mkdirSync(join(root, name));
    return join(root, name);
  }

  function folderWith(name: string, script: string): string {
    const path = folder(name);
    writeFileSync(join(path, 'node'), script);
    chmodSync(join(path, 'node'), 0o755);
    return path;
  }
});
