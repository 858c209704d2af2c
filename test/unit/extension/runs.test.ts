import { describe, expect, test } from 'vitest';
import { parseExperiment } from '../../../src/experiment/parse';
import { isLive, isOver, type ReadableRun } from '../../../src/extension/runs/liveRun';
import { runDescription, runFacts, stateIcon, statusText } from '../../../src/extension/views/runText';
import type { RunEvent } from '../../../src/protocol/events';
import type { Manifest, RunState } from '../../../src/protocol/manifest';
import { LogStanding } from '../../../src/protocol/standing';
import type { CommandRecipe } from '../../../src/recipe/commandRecipe';
import { followedRun, NO_ACTIVITY } from '../../../src/runs/feed/followedRun';

const parsed = parseExperiment(
  `name: fashion
data: { dataset: synthetic, train_images: 100, batch_size: 10 }
model: { name: resnet8 }
schedule: { epochs: 5 }
tricks: { zero_gamma: true, warmup: true }
`,
  'fashion.experiment.yaml',
);
if (!parsed.ok) throw new Error('The experiment of these tests is wrong.');

const manifest: Manifest = {
  version: 1,
  id: '20261125-041233-fashion',
  name: 'fashion',
  createdAt: 0,
  endedAt: null,
  experiment: { file: 'fashion.experiment.yaml', text: parsed.document.text },
  recipe: parsed.recipe,
  engine: null,
  versions: {},
  state: { status: 'queued' },
};

function runIn(state: RunState): ReadableRun {
  return {
    kind: 'run',
    id: manifest.id,
    folder: '/runs/fashion',
    root: '/',
    activity: NO_ACTIVITY,
    manifest: { ...manifest, state },
  };
}

const step = (index: number, loss: number): RunEvent => ({
  type: 'step',
  time: 0,
  step: index,
  epoch: Math.floor(index / 10),
  learningRate: 0.1,
  loss,
  accuracy: 0.5,
  imagesPerSecond: 70,
});
const epoch = (index: number, validationAccuracy: number): RunEvent => ({
  type: 'epoch',
  time: 0,
  epoch: index,
  step: 10 * (index + 1),
  trainLoss: 1,
  trainAccuracy: 0.5,
  validationLoss: 1,
  validationAccuracy,
  seconds: 1,
});
const preparing: RunEvent = { type: 'preparing', time: 0, what: 'Downloading images', share: 0.5 };
const failure = { what: 'The disk is full.', remedy: 'Free some space.' };

describe('the description of a run', () => {
  const result = {
    epochs: 5,
    validationLoss: 0.25,
    validationAccuracy: 0.9213,
    bestValidationAccuracy: 0.9301,
    seconds: 90,
  };

  test.each<[RunState, string]>([
    [{ status: 'queued' }, 'queued'],
    [{ status: 'running', step: 0, validationAccuracy: null }, 'epoch 1 of 5'],
    [{ status: 'running', step: 20, validationAccuracy: 0.61 }, 'epoch 3 of 5 · 61.0%'],
    [{ status: 'running', step: 50, validationAccuracy: 0.9 }, 'epoch 5 of 5 · 90.0%'],
    [{ status: 'done', result }, '92.1% · 5 epochs'],
    [{ status: 'done', result: { ...result, epochs: 1 } }, '92.1% · 1 epoch'],
    [{ status: 'stopped', step: 12 }, 'stopped in epoch 2'],
    [{ status: 'stopped', step: 0 }, 'never started'],
    [{ status: 'stopped', step: 0, wasQueued: true }, 'removed from the queue'],
    [{ status: 'paused', step: 12 }, 'paused in epoch 2'],
    [{ status: 'paused', step: 0 }, 'paused before the first step'],
    [{ status: 'failed', failure }, 'The disk is full.'],
    [{ status: 'interrupted' }, 'interrupted'],
  ])('%j reads %s', (state, description) => {
    expect(runDescription(runIn(state))).toBe(description);
  });

  test('a run that was stopped while loading has not reached an epoch', () => {
    const run = runIn({ status: 'stopped', step: 0 });
    const engine = { name: 'wasm', description: 'WebAssembly' } as const;
    expect(runDescription({ ...run, manifest: { ...run.manifest, engine } })).toBe(
      'stopped before the first step',
    );
  });

  test('its tooltip has the accuracy of the averaged weights if there is one', () => {
    const averaged = { ...result, averagedAccuracy: 0.945 };
    const facts = runFacts(runIn({ status: 'done', result: averaged }).manifest);
    expect(facts).toContainEqual({ label: 'Validation accuracy (EMA)', value: '94.5%' });
  });

  test('a failure whose reason includes a log is shown by its first line', () => {
    const long = { what: 'The trainer left.\nError: at line 3', remedy: 'Look at the log.' };
    expect(runDescription(runIn({ status: 'failed', failure: long }))).toBe('The trainer left.');
  });

  test('the status bar has its result, or how it ended otherwise', () => {
    expect(statusText(runIn({ status: 'done', result }))).toBe('fashion 92.1% · 5 epochs');
    expect(statusText(runIn({ status: 'failed', failure }))).toBe('fashion failed');
    expect(statusText(runIn({ status: 'stopped', step: 3 }))).toBe('fashion stopped');
    expect(statusText(runIn({ status: 'paused', step: 3 }))).toBe('fashion paused');
    expect(statusText(runIn({ status: 'interrupted' }))).toBe('fashion interrupted');
  });

  test('every state has its own icon', () => {
    const states: RunState[] = [
      { status: 'queued' },
      { status: 'running', step: 0, validationAccuracy: null },
      { status: 'done', result },
      { status: 'stopped', step: 1 },
      { status: 'paused', step: 1 },
      { status: 'failed', failure },
      { status: 'interrupted' },
    ];
    expect(new Set(states.map((state) => stateIcon(state).id)).size).toBe(states.length);
  });

  test('its tooltip has the result, the model, the tricks and the reason of a failure', () => {
    const facts = (state: RunState) =>
      Object.fromEntries(runFacts(runIn(state).manifest).map(({ label, value }) => [label, value]));
    expect(facts({ status: 'done', result })).toMatchObject({
      State: 'done',
      'Validation accuracy': '92.1%',
      Duration: '1 min 30 s',
      'Validation loss': '0.25',
      Model: 'resnet8, synthetic',
      Tricks: 'warmup, zero_gamma',
    });
    expect(facts({ status: 'failed', failure }).Reason).toBe('The disk is full. Free some space.');
  });
});

describe('a run that is being trained', () => {
  const followed = (...events: RunEvent[]): ReadableRun => {
    const log = new LogStanding();
    for (const event of events) log.take({ ...event, attempt: 1 });
    const { activity: _, root, ...entry } = runIn({ status: 'queued' });
    const run = followedRun(entry, log, null);
    if (run.kind !== 'run') throw new Error(run.reason);
    return { ...run, root };
  };

  test('knows its engine once its log does', () => {
    const engine = { name: 'wasm', description: 'WebAssembly' } as const;
    const precision = { compute: 'float32', execution: 'native' } as const;
    const started = { epochs: 5, stepsPerEpoch: 10, totalSteps: 50, parameters: 1, engine, precision };
    expect(followed({ type: 'started', version: 1, time: 0, ...started }).manifest.engine).toEqual(engine);
  });

  test('follows its log from preparing to its steps and epochs', () => {
    const prepared = followed(preparing);
    expect(runDescription(prepared)).toBe('Downloading images');
    expect(statusText(prepared)).toBe('fashion');
    const trained = followed(preparing, step(0, 2.3), epoch(0, 0.4), step(10, 1.234), step(11, 0.6123));
    expect(runDescription(trained)).toBe('epoch 2 of 5 · 40.0%');
    expect(statusText(trained)).toBe('fashion 24% · loss 0.61');
  });

  test('is live until an event ends it', () => {
    expect(isLive(followed(step(0, 2.3)))).toBe(true);
    expect(isLive(followed(step(0, 2.3), { type: 'stopped', time: 0, step: 1 }))).toBe(false);
    expect(isLive(followed(step(0, 2.3), { type: 'failed', time: 0, failure }))).toBe(false);
  });

  test('is not live when its trainer was interrupted', () => {
    expect(isLive(runIn({ status: 'interrupted' }))).toBe(false);
  });

  test('is over when neither its files nor its feed call it live', () => {
    const failed = runIn({ status: 'failed', failure });
    const queued = runIn({ status: 'queued' });
    const running = followed(step(0, 2.3));
    expect(isOver(failed, failed)).toBe(true);
    expect(isOver(runIn({ status: 'interrupted' }), failed)).toBe(true);
    // Its end could not be written.
    expect(isOver(queued, failed)).toBe(false);
    expect(isOver(running, failed)).toBe(false);
    expect(isOver(failed, running)).toBe(false);
    const { id, folder } = failed;
    expect(isOver({ kind: 'broken', id, folder, reason: 'It has no run.json.' }, failed)).toBe(true);
  });
});

describe('a run of a command', () => {
  const recipe: CommandRecipe = {
    ...{ kind: 'command', version: 1, name: 'pets', tricks: ['mixup'], seed: 1, system: 'timm' },
    ...{ command: ['python', 'train.py'], workingDirectory: '.', environment: {}, metrics: { kind: 'auto' } },
    ...{ checkpoint: null, resume: null, epochs: null, model: null, dataset: null },
  };
  const runOf = (state: RunState): ReadableRun => {
    const run = runIn(state);
    return { ...run, manifest: { ...run.manifest, name: 'pets', recipe } };
  };
  const unknown = { validationLoss: null, validationAccuracy: null, bestValidationAccuracy: null };

  test('says what its output told, and nothing that it did not', () => {
    expect(runDescription(runOf({ status: 'running', step: 0, validationAccuracy: null }))).toBe('running');
    expect(runDescription(runOf({ status: 'running', step: 41, validationAccuracy: 0.5 }))).toBe(
      '41 steps · 50.00%',
    );
    expect(runDescription(runOf({ status: 'paused', step: 41 }))).toBe('paused after 41 steps');
    expect(runDescription(runOf({ status: 'stopped', step: 41 }))).toBe('stopped after 41 steps');
    const result = { epochs: 3, ...unknown, seconds: 90, notes: ['No metrics were found.'] };
    expect(runDescription(runOf({ status: 'done', result }))).toBe('3 epochs');
    const facts = runFacts(runOf({ status: 'done', result }).manifest).map(
      ({ label, value }) => `${label}: ${value}`,
    );
    expect(facts).toEqual([
      ...['State: done', 'Duration: 1 min 30 s', 'Note: No metrics were found.', 'Command: python train.py'],
      ...['Tricks: mixup', 'Seed: 1', expect.stringMatching(/^Created: /)],
    ]);
  });
});
