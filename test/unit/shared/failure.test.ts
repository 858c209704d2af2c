import { expect, test } from 'vitest';
import { keptFailureSchema } from '../../../src/shared/failure';
import { withLogApart } from '../../../src/shared/logApart';

test('a failure stored by earlier releases is split into a reason of one line and the log', () => {
  const kept = { what: 'The trainer exited with code 1.\nError: a\r\nError: b', remedy: 'Run again.' };
  expect(keptFailureSchema.parse(kept)).toEqual({
    what: 'The trainer exited with code 1.',
    remedy: 'Run again.',
    log: 'Error: a\nError: b',
  });
});

test('a failure of one line stays as it is', () => {
  const failure = { what: 'The disk is full.', remedy: 'Free some space.', log: 'ENOSPC' };
  expect(withLogApart(failure)).toBe(failure);
});

test('the rest of a reason is put before an existing log', () => {
  expect(withLogApart({ what: '\na\nb', remedy: '', log: 'c' })).toEqual({
    what: 'a',
    remedy: '',
    log: 'b\nc',
  });
});
