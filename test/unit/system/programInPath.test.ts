import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { programInPath } from '../../../src/system/programInPath';

test('a program is the first in the folders of PATH', () => {
  const folder = mkdtempSync(join(tmpdir(), 'path-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, process.platform === 'win32' ? 'tool.exe' : 'tool');
  writeFileSync(file, '');
  chmodSync(file, 0o755);
  expect(programInPath('tool', { path: ['/nowhere', folder].join(delimiter) })).toBe(file);
});

test.each([
  ['win32', '.;;bin;C:\\tools', 'C:\\tools\\tool.exe'],
  ['linux', '.::bin:/usr/bin', '/usr/bin/tool'],
] as const)('on %s the working folder is not searched', (platform, path, found) => {
  expect(programInPath('tool', { platform, path, exists: () => true })).toBe(found);
});

test.each([
  ['win32', '.;C:\\tools'],
  ['linux', '.:/usr/bin'],
] as const)('on %s a missing one has no name that the system would search for', (platform, path) => {
  const place = programInPath('tool', { platform, path, exists: () => false });
  expect(place).toMatch(/^(?:C:\\|\/)nowhere/);
});
