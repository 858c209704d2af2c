import { appendFile, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Exit, exitFailure, spawnFailure, tailOf, tellingLines } from '../../../src/runs/ending';

const GIB = 2 ** 30;
const logTail = '# Fatal process OOM in Failed to reserve virtual memory for CodeRange';

test.each(['SIGABRT', 'SIGTRAP', 'SIGILL', 'SIGSEGV', 'SIGBUS'] as const)(
  'a trainer that crashed by %s under an address space limit may have had too little',
  (signal) => {
    expect(exitFailure({ code: null, signal }, logTail, 1.5 * GIB)).toEqual({
      what: `The trainer was killed by ${signal}.`,
      remedy:
        'This process may use 1.5 GiB of address space, which may be too little. Raise the limit (ulimit -v unlimited), then run again.',
      log: logTail,
    });
  },
);

test.each<[string, Exit, number | null]>([
  ['a limit that it kept to', { code: 1, signal: null }, GIB],
  ['no limit', { code: null, signal: 'SIGSEGV' }, null],
  ...(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGXCPU'] as const).map(
    (signal) =>
      [`the signal ${signal}, which is not a crash`, { code: null, signal }, GIB] as [string, Exit, number],
  ),
])('its log gives the cause if there was %s', (_, exit, limitBytes) => {
  expect(exitFailure(exit, '', limitBytes).remedy).toBe(
    "See the run's trainer.log for the cause, then run again.",
  );
});

test('a trainer that got no file handles to start with names their limit', () => {
  const error = Object.assign(new Error('spawn /usr/bin/node EMFILE'), { code: 'EMFILE' });
  expect(spawnFailure('/usr/bin/node', error).remedy).toContain('ulimit -n');
});

test('of a crash, the informative lines are kept, each once', () => {
  const crash = [
    'dist/trainer.js:12',
    '    throw new RangeError("a shape is wrong");',
    '    ^',
    '',
    'RangeError: a shape is wrong',
    '    at Network.forward (dist/trainer.js:12:11)',
    '    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)',
    ' 1: 0xb0a860 node::Abort() [node]',
    'RangeError: a shape is wrong',
    'Node.js v20.19.0',
  ];
  expect(tellingLines(crash.join('\r\n')).split('\n')).toEqual([...crash.slice(0, 3), crash[4]]);
});

test('the last lines of a long output are kept', () => {
  const lines = Array.from({ length: 100 }, (_, line) => `line ${line}`);
  expect(tellingLines(lines.join('\n')).split('\n')).toEqual(lines.slice(-12));
});

test('the output of an earlier trainer in the same log is ignored', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ending-'));
  try {
    const file = join(folder, 'trainer.log');
    await writeFile(file, 'Error: the first time\n');
    const { size } = await stat(file);
    expect(await tailOf(file, size)).toBe('');
    await appendFile(file, 'Error: the second time\n');
    expect(await tailOf(file, size)).toBe('Error: the second time');
    expect(await tailOf(join(folder, 'none.log'), 0)).toBe('');
  } finally {
    await rm(folder, { recursive: true });
  }
});
