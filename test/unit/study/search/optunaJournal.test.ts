import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  type JournalEvent,
  type JournalParameter,
  journalLines,
} from '../../../../src/study/search/optunaJournal';

const FIXTURE = join(__dirname, '../../../fixtures/study/optuna.log');
/** 2026-11-29 12:00 UTC. */
const NOON = Date.UTC(2026, 10, 29, 12);

const parameters = (rate: number, batch: number, mixup: number): JournalParameter[] => [
  {
    name: 'optimizer.base_lr',
    distribution: { kind: 'float', low: 0.01, high: 1, isLog: true },
    value: rate,
  },
  { name: 'data.batch_size', distribution: { kind: 'int', low: 8, high: 64, isLog: false }, value: batch },
  { name: 'mixup', distribution: { kind: 'categorical', choices: [false, true] }, value: mixup },
];

/** A study with one trial per kind of outcome, and one that is still running. */
const EVENTS: JournalEvent[] = [
  { type: 'study_created', name: 'tune-lr', metric: 'validation_accuracy', higherIsBetter: true },
  { type: 'trial_started', time: NOON, parameters: parameters(0.1, 32, 1), attributes: { seed: 1 } },
  { type: 'value', trial: 0, step: 3, value: 71.5 },
  {
    ...{ type: 'trial_started', time: NOON + 1500, parameters: parameters(0.5, 16, 0) },
    attributes: { seed: [1, 2], runs: ['a', 'b'] },
  },
  { type: 'value', trial: 1, step: 3, value: 60.25 },
  { type: 'value', trial: 0, step: 9, value: 88.125 },
  {
    ...{ type: 'trial_ended', trial: 0, startedAt: NOON, time: NOON + 60_000 },
    ...{ state: 'complete', value: 88.125 },
  },
  {
    ...{ type: 'trial_ended', trial: 1, startedAt: NOON + 1500, time: NOON + 61_000 },
    ...{ state: 'pruned', value: 60.25 },
  },
  { type: 'trial_started', time: NOON + 2000, parameters: parameters(1, 8, 0), attributes: { seed: 1 } },
  {
    ...{ type: 'trial_ended', trial: 2, startedAt: NOON + 2000, time: NOON + 62_000 },
    ...{ state: 'failed', value: null },
  },
  { type: 'trial_started', time: NOON + 3000, parameters: parameters(0.02, 64, 1), attributes: { seed: 1 } },
];

// check-journal.py reads the fixture with Optuna itself.
test('a journal has lines that Optuna has read', () => {
  expect(EVENTS.map(journalLines).join('')).toBe(readFileSync(FIXTURE, 'utf8'));
});

test('less is better if so configured', () => {
  const event = {
    type: 'study_created',
    name: 'a',
    metric: 'validation_loss',
    higherIsBetter: false,
  } as const;
  expect(JSON.parse(journalLines(event).split('\n')[0] ?? '')).toMatchObject({ directions: [1] });
});

test('a text stays on its line, whatever it contains', () => {
  const event = { type: 'study_created', name: 'two\nlines', metric: 'm', higherIsBetter: true } as const;
  expect(journalLines(event).split('\n')).toHaveLength(3);
});
