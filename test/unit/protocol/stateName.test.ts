import { expect, test } from 'vitest';
import type { RunState } from '../../../src/protocol/manifest';
import { stateName } from '../../../src/protocol/stateName';

test('every state has its own name', () => {
  const result = {
    epochs: 1,
    validationLoss: 1,
    validationAccuracy: 0,
    bestValidationAccuracy: 0,
    seconds: 1,
  };
  const states: RunState[] = [
    { status: 'queued' },
    { status: 'running', step: 0, validationAccuracy: null },
    { status: 'done', result },
    { status: 'stopped', step: 1 },
    { status: 'stopped', step: 0, wasQueued: true },
    { status: 'paused', step: 1 },
    { status: 'failed', failure: { what: 'The disk is full.', remedy: 'Free some space.' } },
    { status: 'interrupted' },
  ];
  expect(states.map(stateName)).toEqual([
    'queued',
    'running',
    'done',
    'stopped',
    'removed from the queue',
    'paused',
    'failed',
    'interrupted',
  ]);
});

test('an unknown state is an error', () => {
  expect(() => stateName({ status: 'lost' } as never)).toThrow('lost');
});
