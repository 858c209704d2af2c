import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { loadEngine } from '../../../src/backends/index';
import { parametersOf } from '../../../src/models/graph';
import { cifarResNet } from '../../../src/models/networks/cifarResNet';
import type { ParameterGroup } from '../../../src/recipe/parameterGroups';
import type { OptimizerRecipe } from '../../../src/recipe/recipe';
import { initialValues } from '../../../src/training/network/initialization';
import { Network } from '../../../src/training/network/network';
import { createOptimizer } from '../../../src/training/optimizers/optimizer';
import { Random } from '../../../src/training/random';
import goldens from '../../fixtures/goldens.json';
import pytorch from '../../fixtures/pytorch.json';
import { computeAsOnGpu } from '../support/asOnGpu';
import { PRESENT_ENGINES } from '../support/presentEngines';

/** A network with one parameter, as an optimizer sees it. */
class OneWeight {
  constructor(public weight: tf.Tensor) {}
  get parameters() {
    return new Map([['w', this.weight]]);
  }
  assign(_name: string, tensor: tf.Tensor): void {
    this.weight.dispose();
    this.weight = tensor;
  }
}

/** Returns a weight's values after each step, with the same gradient in every step. */
async function trajectories(
  recipe: OptimizerRecipe,
  weightDecay: number,
  rates: readonly number[],
  { w, g }: { w: readonly number[]; g: readonly number[] },
): Promise<number[][]> {
  const network = new OneWeight(tf.tensor1d([...w]));
  const gradients = new Map([['w', tf.tensor1d([...g])]]);
  const optimizer = createOptimizer(
    { optimizer: recipe, parameterGroups: [{ name: 'all', kinds: ['kernel'], weightDecay }] },
    [{ name: 'w', kind: 'kernel', shape: [w.length], initializer: { kind: 'constant', value: 1 } }],
  );
  const weights: number[][] = [];
  for (const rate of rates) {
    optimizer.step(network, gradients, rate);
    weights.push([...(await network.weight.data())]);
  }
  tf.dispose([network.weight, ...gradients.values()]);
  optimizer.dispose();
  return weights;
}

/** Returns the weight after each step, starting at 1 with gradient 0.5. */
async function trajectory(
  recipe: OptimizerRecipe,
  weightDecay: number,
  rates: readonly number[],
): Promise<number[]> {
  const weights = await trajectories(recipe, weightDecay, rates, { w: [1], g: [0.5] });
  return weights.map(([weight]) => weight as number);
}

const nag: OptimizerRecipe = { name: 'sgd', momentum: 0.9, nesterov: true };

describe.each(PRESENT_ENGINES)('optimizers on %s', (engine) => {
  let tensors: number;
  beforeAll(async () => {
    await loadEngine(engine);
    tensors = tf.memory().numTensors;
  });
  afterEach(() => {
    expect(tf.memory().numTensors).toBe(tensors);
  });

  test('Nesterov momentum with weight decay moves as in PyTorch', async () => {
    const { w, g, lr, momentum, weight_decay, w_after_each_step, tolerance } = goldens.nag;
    const recipe: OptimizerRecipe = { name: 'sgd', momentum, nesterov: true };
    const weights = await trajectories(recipe, weight_decay, [lr, lr, lr], { w: [w], g: [g] });
    for (const [step, expected] of w_after_each_step.entries()) {
      expect(Math.abs(weights[step]![0]! - expected)).toBeLessThan(tolerance);
    }
  });

  test.each([
    [true, 0.1, 5e-4],
    [true, 0.4, 0.5],
    [true, 0.5, 2],
    [true, 2, 0.9],
    [false, 0.4, 0.5],
  ])('momentum, Nesterov %s, at a rate of %d decays by %d as written', async (nesterov, rate, decay) => {
    const momentum = 0.9;
    const [w, g] = [
      [1, -0.5, 30, 0],
      [0.5, 2, -0.01, 1],
    ];
    const rates = [rate, rate / 2, 0, rate];
    const recipe: OptimizerRecipe = { name: 'sgd', momentum, nesterov };
    const steps = await trajectories(recipe, decay, rates, { w, g });
    for (const [index, start] of w.entries()) {
      let [weight, velocity] = [start, 0];
      for (const [step, lr] of rates.entries()) {
        const decayed = (g[index] as number) + decay * weight;
        velocity = momentum * velocity + decayed;
        weight -= lr * (nesterov ? decayed + momentum * velocity : velocity);
        const scale = 1e-5 * Math.max(1, Math.abs(start));
        expect(Math.abs((steps[step]?.[index] ?? Number.NaN) - weight)).toBeLessThan(scale);
      }
    }
  });

  test('LARS gives a kernel the rate of its trust ratio', async () => {
    const { w, g, lr, momentum, weight_decay, trust_coefficient, w_after_first_step, tolerance } =
      goldens.lars;
    const recipe: OptimizerRecipe = { name: 'lars', momentum, trustCoefficient: trust_coefficient };
    const [first] = await trajectories(recipe, weight_decay, [lr], { w, g });
    for (const [index, expected] of w_after_first_step.entries()) {
      expect(Math.abs(first![index]! - expected)).toBeLessThan(tolerance);
    }
  });

  test('plain momentum adds up velocities', async () => {
    const weights = await trajectory({ ...nag, nesterov: false }, 0, [0.1, 0.1, 0.1]);
    // Velocities 0.5, 0.95 and 1.355.
    for (const [step, expected] of [0.95, 0.855, 0.7195].entries()) {
      expect(weights[step]).toBeCloseTo(expected, 6);
    }
  });

  test('a new learning rate scales the whole velocity at once', async () => {
    const [first, second] = await trajectory({ ...nag, nesterov: false }, 0, [0.1, 0.01]);
    expect((first as number) - (second as number)).toBeCloseTo(0.01 * 0.95, 6);
  });

  test('a learning rate of 0, the first of a warmup, moves nothing and still builds velocity', async () => {
    const [first, second] = await trajectory(nag, 0, [0, 0.1]);
    expect(first).toBe(1);
    // Velocity 0.95, direction 0.5 + 0.9 x 0.95.
    expect(second).toBeCloseTo(1 - 0.1 * 1.355, 6);
  });

  const inPlace: readonly OptimizerRecipe[] = [
    nag,
    { name: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
    { name: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
    { name: 'lars', momentum: 0.9, trustCoefficient: 0.5 },
    { name: 'lamb', beta1: 0.9, beta2: 0.999, epsilon: 1e-6 },
  ];
  // Computed by the engine, so the engine owns their memory.
  const computed = (count: number, scale: number) =>
    tf.tidy(() => tf.mul(tf.tensor1d(Array.from({ length: count }, (_, index) => (index % 5) - 1.5)), scale));
  const read = (tensors: readonly tf.Tensor[]) =>
    Promise.all(tensors.map(async (tensor) => [...(await tensor.data())]));
  const optimizerOf = (recipe: OptimizerRecipe, count: number) =>
    createOptimizer(
      { optimizer: recipe, parameterGroups: [{ name: 'all', kinds: ['kernel'], weightDecay: 0.1 }] },
      [{ name: 'w', kind: 'kernel', shape: [count], initializer: { kind: 'constant', value: 1 } }],
    );

  test.each(inPlace.flatMap((recipe) => [5, 70_000].map((count) => ({ ...recipe, count }))))(
    '$name leaves copies of $count gradients, weights and their state as they were',
    async ({ count, ...recipe }) => {
      const gradients = new Map([['w', computed(count, 0.1)]]);
      const network = new OneWeight(computed(count, 1));
      const optimizer = optimizerOf(recipe, count);
      const gradientBefore = tf.clone(gradients.get('w') as tf.Tensor);
      optimizer.step(network, gradients, 0.1);
      const copies = [network.weight, ...optimizer.state.values(), gradientBefore].map((tensor) =>
        tf.clone(tensor),
      );
      const before = await read(copies);
      optimizer.step(network, gradients, 0.1);
      optimizer.step(network, gradients, 0.1);
      expect(await read(copies)).toEqual(before);
      expect(before.at(-1)?.slice(0, 2)).toEqual([Math.fround(-0.15), Math.fround(-0.05)]);
      expect(await read([network.weight])).not.toEqual([before[0]]);
      tf.dispose([...copies, ...gradients.values(), gradientBefore, network.weight]);
      optimizer.dispose();
    },
  );

  test.each(inPlace)('$name moves each of many weights like one of few', async (recipe) => {
    const moved = async (count: number) => {
      const network = new OneWeight(computed(count, 1));
      const optimizer = optimizerOf(recipe, count);
      for (const scale of [0.1, -0.3, 0.2]) {
        const gradient = computed(count, scale);
        optimizer.step(network, new Map([['w', gradient]]), 0.1);
        gradient.dispose();
      }
      const [weights = []] = await read([network.weight]);
      network.weight.dispose();
      optimizer.dispose();
      return weights;
    };
    const few = await moved(5);
    const many = await moved(70_000);
    const farthest = many.reduce(
      (most, weight, index) => Math.max(most, Math.abs(weight - (few[index % 5] ?? Number.NaN))),
      0,
    );
    // LARS and LAMB divide by norms, which sum over all values.
    expect(farthest).toBeLessThan(recipe.name === 'lars' || recipe.name === 'lamb' ? 3e-6 : 1e-6);
  });

  test('decays only the groups that say so', async () => {
    const graph = cifarResNet('resnet8', [8, 8, 1], 3, { width: 2 });
    const parameters = parametersOf(graph);
    const groups: ParameterGroup[] = [
      { name: 'decay', kinds: ['kernel'], weightDecay: 0.5 },
      { name: 'no_decay', kinds: ['bias', 'gamma', 'beta'], weightDecay: 0 },
    ];
    const values = initialValues(graph, { zeroGamma: false }, Random.seeded(1, 'initialization'));
    const network = new Network(graph, values);
    const optimizer = createOptimizer({ optimizer: nag, parameterGroups: groups }, parameters);
    const gradients = new Map([...network.parameters].map(([name, weight]) => [name, tf.zerosLike(weight)]));
    optimizer.step(network, gradients, 0.1);
    for (const { name, kind } of parameters) {
      // With zero gradient, only decay moves a weight: by learning rate x decay x (1 + momentum) of itself.
      const share = kind === 'kernel' ? 1 - 0.1 * 0.5 * 1.9 : 1;
      const after = await network.parameters.get(name)!.data();
      for (const [index, before] of values.get(name)!.entries()) {
        expect(after[index]).toBeCloseTo(share * before, 6);
      }
    }
    tf.dispose([...gradients.values()]);
    optimizer.dispose();
    network.dispose();
  });
});

/** A network with a kernel [3, 4] and a bias [4], as an optimizer sees it. */
class TwoParameters {
  readonly parameters = new Map<string, tf.Tensor>([
    ['kernel', tf.tensor2d(pytorch.kernel, [3, 4])],
    ['bias', tf.tensor1d(pytorch.bias)],
  ]);
  assign(name: string, tensor: tf.Tensor): void {
    this.parameters.get(name)?.dispose();
    this.parameters.set(name, tensor);
  }
}

describe.each(PRESENT_ENGINES)('PyTorch moves a kernel and a bias as on %s', (engine) => {
  beforeAll(async () => {
    await loadEngine(engine);
  });
  compareWithPyTorch();
});

// Without a graph for small parameters, each is updated by the ops that update large ones.
describe.runIf(PRESENT_ENGINES.includes('tensorflow'))(
  'PyTorch moves a kernel and a bias as on a GPU',
  () => {
    computeAsOnGpu();
    compareWithPyTorch();
  },
);

function compareWithPyTorch(): void {
  test.each(
    pytorch.trajectories.map(
      ({ optimizer, weights }) => [JSON.stringify(optimizer), optimizer, weights] as const,
    ),
  )('by %s', async (_name, { weightDecay, ...recipe }, weights) => {
    const before = tf.memory().numTensors;
    const network = new TwoParameters();
    const constant = { kind: 'constant', value: 0 } as const;
    const optimizer = createOptimizer(
      {
        optimizer: recipe as OptimizerRecipe,
        parameterGroups: [{ name: 'all', kinds: ['kernel', 'bias'], weightDecay }],
      },
      [
        { name: 'kernel', kind: 'kernel', shape: [3, 4], initializer: constant },
        { name: 'bias', kind: 'bias', shape: [4], initializer: constant },
      ],
    );
    for (const [step, rate] of pytorch.rates.entries()) {
      const [kernel = [], bias = []] = pytorch.gradients[step] ?? [];
      const gradients = new Map<string, tf.Tensor>([
        ['kernel', tf.tensor2d(kernel, [3, 4])],
        ['bias', tf.tensor1d(bias)],
      ]);
      optimizer.step(network, gradients, rate);
      tf.dispose([...gradients.values()]);
      const read = await Promise.all([...network.parameters.values()].map((weight) => weight.data()));
      const expected = weights[step] ?? [];
      for (const [index, value] of read.flatMap((weight) => [...weight]).entries()) {
        const difference = Math.abs(value - (expected.flat()[index] ?? Number.NaN));
        expect(difference, `step ${step}, value ${index}`).toBeLessThan(3e-6);
      }
    }
    tf.dispose([...network.parameters.values()]);
    optimizer.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
}

test('a parameter in no group, or in two, is an error', () => {
  const parameters = parametersOf(cifarResNet('resnet8', [8, 8, 1], 3, { width: 2 }));
  const kernels: ParameterGroup = { name: 'kernels', kinds: ['kernel'], weightDecay: 0 };
  const all: ParameterGroup = { name: 'all', kinds: ['kernel', 'bias', 'gamma', 'beta'], weightDecay: 0 };
  const groupings = { none: [kernels], two: [all, kernels], one: [all] };
  const create = (parameterGroups: readonly ParameterGroup[]) => () =>
    createOptimizer({ optimizer: nag, parameterGroups }, parameters);
  expect(create(groupings.none)).toThrow('bn1.weight is not in exactly one parameter group');
  expect(create(groupings.two)).toThrow('conv1.weight is not in exactly one parameter group');
  expect(create(groupings.one)).not.toThrow();
});
