import { describe, expect, test } from 'vitest';
import { parseExperiment } from '../../../src/experiment/parse';
import { processorClock } from '../../support/processorTime';

function parsed(schedule: string, warmup: string) {
  const text = `name: a
data: { dataset: synthetic, train_images: 640, batch_size: 64 }
model: { name: resnet8 }
schedule: { ${schedule} }
tricks: { warmup: ${warmup} }
`;
  return parseExperiment(text, 'a.experiment.yaml');
}

describe('warmup by epoch', () => {
  const warnings = (schedule: string, warmup: string) => {
    const result = parsed(schedule, warmup);
    if (!result.ok) throw new Error(JSON.stringify(result.problems));
    return result.warnings.map(({ what }) => what).filter((what) => what.includes('rate of 0'));
  };

  test.each([
    ['epochs: 20', '{ update: epoch }'],
    ['epochs: 20, update: epoch', 'true'],
    ['epochs: 20, update: epoch', '{ epochs: 2 }'],
  ])('counted from 0 wastes an epoch, with a warning: %s, %s', (schedule, warmup) => {
    expect(warnings(schedule, warmup)).toHaveLength(1);
  });

  test.each([
    ['epochs: 20', 'true'],
    ['epochs: 20', '{ update: epoch, count_from: 1 }'],
    ['epochs: 20, update: epoch', '{ update: epoch, count_from: 1 }'],
    ['epochs: 20, update: epoch', 'false'],
  ])('otherwise there is no warning: %s, %s', (schedule, warmup) => {
    expect(warnings(schedule, warmup)).toEqual([]);
  });
});

test('a decay with too many drops is refused at once, with the least that is allowed', () => {
  const usedMs = processorClock();
  const result = parsed('epochs: 20, decay: { name: step, every: 1e-7 }', 'false');
  expect(result).toMatchObject({ ok: false });
  if (!result.ok) {
    expect(result.problems.map(({ remedy }) => remedy)).toEqual(['Use at least 0.02.']);
  }
  // Without the limit this takes minutes and all memory.
  expect(usedMs()).toBeLessThan(10_000);
});
