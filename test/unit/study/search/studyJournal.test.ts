import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type JournalRun, studyJournal } from '../../../../src/study/search/studyJournal';

const FIXTURE = join(__dirname, '../../../fixtures/study/study-optuna.log');
/** 2026-11-29 12:00 UTC. */
const NOON = Date.UTC(2026, 10, 29, 12);

const FACTORS = [
  { key: 'warmup', kind: 'trick', levels: ['without', 'with'] },
  { key: 'mixup', kind: 'trick', levels: ['without', 'with'] },
  { key: 'optimizer.weight_decay', kind: 'key', levels: ['0', '0.0001', '0.0005'] },
] as const;

/** All combinations on two seeds, each with a fold: mixup is worth 2 points, warmup 0.5, and decay only noise. */
const RUNS: JournalRun[] = Array.from({ length: 24 }, (_, index) => {
  const block = Math.floor(index / 12);
  const setting = [index % 2, Math.floor(index / 2) % 2, Math.floor(index / 4) % 3];
  const noise = ((7 * index) % 11) / 100;
  const value = 80 + 0.5 * (setting[0] ?? 0) + 2 * (setting[1] ?? 0) + noise;
  return {
    ...{ id: `run-${index}`, block, setting, seed: 3 + block, fold: block },
    outcome: { kind: 'finished' as const, value, correct: null },
    startedAt: NOON + 60_000 * index,
    endedAt: NOON + 60_000 * (index + 1),
  };
});
/** One run diverged, one failed, and one was skipped when the study ended. */
const WITH_OTHERS = RUNS.map((run, index): JournalRun => {
  if (index === 5) return { ...run, outcome: { kind: 'diverged' } };
  if (index === 11) return { ...run, outcome: { kind: 'failed' } };
  return index === 23 ? { ...run, outcome: { kind: 'missing' } } : run;
});

const journal = (runs: readonly JournalRun[]) =>
  studyJournal({
    name: 'which-tricks-pay',
    metric: { name: 'validation_accuracy', higherIsBetter: true },
    ...{ factors: FACTORS, runs },
  });

// check-study-journal.py reads the fixture with Optuna itself.
test('a journal has lines that Optuna has read', () => {
  expect(journal(WITH_OTHERS)).toBe(readFileSync(FIXTURE, 'utf8'));
});

test('does not depend on the order in which runs were read', () => {
  expect(journal(WITH_OTHERS.toReversed())).toBe(journal(WITH_OTHERS));
});

test('only grows as runs end, so that readers can continue where they were', () => {
  let before = journal([]);
  for (let count = 1; count <= WITH_OTHERS.length; count++) {
    const now = journal(WITH_OTHERS.slice(0, count));
    expect(now.startsWith(before)).toBe(true);
    expect(now.length).toBeGreaterThan(before.length);
    before = now;
  }
});

test('says what a run trained, with its seed and fold', () => {
  const [, , started, ended] = journal(RUNS.slice(13, 14))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(started.params).toEqual({ warmup: 1, mixup: 0, 'optimizer.weight_decay': 0 });
  expect(started.user_attrs).toEqual({ seed: 4, block: 2, fold: 2, run: 'run-13' });
  expect(ended).toMatchObject({ state: 1, trial_id: 0, datetime_start: '2026-11-29T12:13:00.000000+00:00' });
});

test('has no fold if blocks have none, and minimizes a loss', () => {
  const text = studyJournal({
    ...{ name: 'a', metric: { name: 'validation_loss', higherIsBetter: false }, factors: FACTORS },
    runs: [{ ...RUNS[0]!, fold: null }],
  });
  const [created, , started] = text.split('\n').map((line) => line && JSON.parse(line));
  expect(created.directions).toEqual([1]);
  expect(started.user_attrs).toEqual({ seed: 3, block: 1, run: 'run-0' });
});
