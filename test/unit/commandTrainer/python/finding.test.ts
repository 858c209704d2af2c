import { describe, expect, test } from 'vitest';
import { findPython } from '../../../../src/commandTrainer/python/finding';

/** Returns the Python that is found for a command if only these files are on PATH. */
function foundOf(word: string, files: readonly string[], platform: NodeJS.Platform) {
  const isWindows = platform === 'win32';
  const folder = isWindows ? 'C:\\nowhere\\w' : '/nowhere/w';
  const result = findPython([word, 'train.py'], {
    ...{ workingDirectory: folder, root: folder, platform },
    env: isWindows ? { Path: 'C:\\bin' } : { PATH: '/bin' },
    exists: (file) => files.includes(file),
  });
  return result.ok && result.choice.kind === 'python' ? result.choice.program : null;
}

describe('the Python on PATH', () => {
  test.each([
    ['python3', ['C:\\bin\\python3.exe', 'C:\\bin\\python.exe'], 'C:\\bin\\python3.exe'],
    ['python3', ['C:\\bin\\python.exe', 'C:\\bin\\py.exe'], 'C:\\bin\\python.exe'],
    ['python3', ['C:\\bin\\py.exe'], 'C:\\bin\\py.exe'],
    ['python.exe', ['C:\\bin\\py.exe'], 'C:\\bin\\py.exe'],
    ['python3.12', ['C:\\bin\\py.exe'], null],
  ])('for %s on Windows is one of %j', (word, files, program) => {
    expect(foundOf(word, files, 'win32')).toBe(program);
  });

  test.each([
    ['python', ['/bin/python', '/bin/python3'], '/bin/python'],
    ['python', ['/bin/python3'], '/bin/python3'],
    ['python3', ['/bin/python'], null],
    ['python', [], null],
  ])('for %s on other systems is one of %j', (word, files, program) => {
    expect(foundOf(word, files, 'linux')).toBe(program);
  });
});
