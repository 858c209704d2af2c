import { expect, test } from 'vitest';
import { exitFailure, spawnFailure } from '../../../src/runs/ending';

const GIB = 2 ** 30;
const logTail = '# Fatal process OOM in Failed to reserve virtual memory for CodeRange';

test.each(['SIGABRT', 'SIGTRAP', 'SIGILL', 'SIGSEGV'] as const)(
  'a trainer that %s ended under a limit of address space may have had too little',
  (signal) => {
    expect(exitFailure({ code: null, signal }, logTail, 1.5 * GIB)).toEqual({
      what: `The trainer was ended by ${signal}.\n${logTail}`,
      remedy:
        'This process may use 1.5 GiB of address space, which may be too little: raise the limit (ulimit -v unlimited), then run again.',
    });
  },
);

test.each([
  ['a limit that it kept to', { code: 1, signal: null }, GIB],
  ['no limit', { code: null, signal: 'SIGSEGV' as const }, null],
  ['a signal from a person', { code: null, signal: 'SIGTERM' as const }, GIB],
])('its log tells the cause where there was %s', (_, exit, limitBytes) => {
  expect(exitFailure(exit, '', limitBytes).remedy).toBe(
    "Look at the run's trainer.log for the cause, then run again.",
  );
});

test('a trainer that got no file handles to start with names their limit', () => {
  const error = Object.assign(new Error('spawn /usr/bin/node EMFILE'), { code: 'EMFILE' });
  expect(spawnFailure('/usr/bin/node', error).remedy).toContain('ulimit -n');
});
