import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadEngine } from '../../../src/backends/index';
import { graphOf } from '../../../src/recipe/draft';
import { openDataset } from '../../../src/training/data/open';
import { evaluate, oneHot } from '../../../src/training/loop/evaluation';
import { initialValues } from '../../../src/training/network/initialization';
import { Network } from '../../../src/training/network/network';
import { softmaxCrossEntropy } from '../../../src/training/ops/softmaxCrossEntropy';
import { Random } from '../../../src/training/random';
import { smallRecipe } from '../../support/smallTraining';
import { trainHere } from '../support/trainHere';

const recipe = smallRecipe({ data: { validation_images: 37, classes: 4 } });
const noStop = new AbortController().signal;

function newNetwork(): Network {
  const graph = graphOf(recipe);
  return new Network(graph, initialValues(graph, recipe.initialization, Random.seeded(3, 'initialization')));
}

beforeAll(async () => {
  await loadEngine('wasm');
});

describe('evaluate', () => {
  test('takes every validation image once, in batches of any size', async () => {
    const dataset = await openDataset(recipe.data.source);
    const network = newNetwork();
    const before = tf.memory().numTensors;
    const [whole, ...parts] = await Promise.all(
      [37, 1, 5, 36, 64].map((size) => evaluate(network, dataset, size, noStop)),
    );
    for (const part of parts) {
      expect(part.accuracy).toBe(whole!.accuracy);
      expect(part.loss).toBeCloseTo(whole!.loss, 6);
    }
    expect(whole!.accuracy).toBeGreaterThan(0);
    expect(tf.memory().numTensors).toBe(before);
    network.dispose();
  });

  test('computes the mean loss and the share of right answers', async () => {
    const dataset = await openDataset(recipe.data.source);
    const network = newNetwork();
    const { height, width, channels, mean, std } = dataset.facts;
    const losses: number[] = [];
    let right = 0;
    for (let index = 0; index < 37; index++) {
      const bytes = new Uint8Array(height * width * channels);
      dataset.validation.draw(index, bytes);
      const pixels = Float32Array.from(bytes, (byte) => (byte / 255 - mean[0]!) / std[0]!);
      const label = dataset.validation.label(index);
      const logits = tf.tidy(() => network.predict(tf.tensor4d(pixels, [1, height, width, channels])));
      const values = [...logits.dataSync()];
      losses.push(Math.log(values.reduce((sum, value) => sum + Math.exp(value), 0)) - values[label]!);
      if (values.indexOf(Math.max(...values)) === label) right++;
      logits.dispose();
    }
    const { loss, accuracy, predictions } = await evaluate(network, dataset, 8, noStop);
    for (const [image, each] of losses.entries()) expect(predictions.losses[image]).toBeCloseTo(each, 4);
    expect([...predictions.labels]).toEqual(losses.map((_, image) => dataset.validation.label(image)));
    expect(loss).toBeCloseTo(losses.reduce((sum, value) => sum + value, 0) / 37, 5);
    expect(accuracy).toBe(right / 37);
    network.dispose();
  });

  test('has finite numbers for one image, and for classes without images', async () => {
    const one = smallRecipe({ data: { validation_images: 1, classes: 7 } });
    const { epochs, final } = await trainHere(one);
    expect(final.type).toBe('done');
    for (const epoch of epochs) {
      expect([0, 1]).toContain(epoch.validationAccuracy);
      expect(epoch).toMatchObject({
        validationTop5: expect.any(Number),
        macroF1: epoch.validationAccuracy,
        balancedAccuracy: epoch.validationAccuracy,
      });
      for (const value of Object.values(epoch)) expect(value).not.toBeNaN();
    }
  });

  test('uses the running statistics without changing them', async () => {
    const dataset = await openDataset(recipe.data.source);
    const network = newNetwork();
    const values = await network.read();
    const { loss } = await evaluate(network, dataset, 8, noStop);
    expect(await network.read()).toEqual(values);
    network.assign('bn1.running_var', tf.fill([2], 9));
    expect((await evaluate(network, dataset, 8, noStop)).loss).not.toBeCloseTo(loss, 6);
    network.dispose();
  });

  test('ends with the reason when stopped', async () => {
    const dataset = await openDataset(recipe.data.source);
    const network = newNetwork();
    const stopped = AbortSignal.abort('enough');
    await expect(evaluate(network, dataset, 8, stopped)).rejects.toBe('enough');
    network.dispose();
  });

  test('its targets give the class all of the weight: the loss of sure and right answers is 0', async () => {
    const logits = tf.tensor2d([[50, 0, 0]]);
    const targets = tf.tidy(() => oneHot(tf.tensor1d([0], 'int32'), 3));
    expect([...targets.dataSync()]).toEqual([1, 0, 0]);
    const { loss, dLogits } = softmaxCrossEntropy(logits, targets);
    expect(loss.dataSync()[0]).toBeCloseTo(0, 6);
    tf.dispose([logits, targets, loss, dLogits]);
  });
});
