import {
  buffersOf,
  type Graph,
  type Initializer,
  type ParameterSpec,
  parametersOf,
  sizeOf,
  zeroGammaNormsOf,
} from '../../models/graph';
import type { Recipe } from '../../recipe/recipe';
import { assertNever } from '../../shared/assertNever';
import type { Random } from '../random';

/**
 * Returns a network's parameters and buffers before the first step, by name. Values are drawn in layer order, so that
 * the same seed gives the same network. zeroGamma draws nothing and does not change any other value.
 */
export function initialValues(
  graph: Graph,
  { zeroGamma }: Pick<Recipe['initialization'], 'zeroGamma'>,
  random: Random,
): Map<string, Float32Array> {
  const zeroed = new Set(zeroGamma ? zeroGammaNormsOf(graph).map(({ gamma }) => gamma.name) : []);
  const initialValue = ({ name, shape, initializer }: ParameterSpec) =>
    drawn(sizeOf(shape), zeroed.has(name) ? { kind: 'constant', value: 0 } : initializer, random);
  return new Map([
    ...parametersOf(graph).map((spec) => [spec.name, initialValue(spec)] as const),
    ...buffersOf(graph).map(
      ({ name, shape, value }) => [name, new Float32Array(sizeOf(shape)).fill(value)] as const,
    ),
  ]);
}

function drawn(size: number, initializer: Initializer, random: Random): Float32Array {
  const values = new Float32Array(size);
  switch (initializer.kind) {
    case 'he_normal': {
      const deviation = Math.sqrt(2 / initializer.fan);
      return values.map(() => deviation * random.normal());
    }
    case 'normal':
      return values.map(() => initializer.deviation * random.normal());
    case 'truncated_normal':
      return values.map(() => truncatedNormal(initializer, random));
    case 'uniform':
      return values.map(() => initializer.bound * (2 * random.uniform() - 1));
    case 'constant':
      return values.fill(initializer.value);
    default:
      return assertNever(initializer);
  }
}

function truncatedNormal({ deviation, bound }: { deviation: number; bound: number }, random: Random): number {
  for (;;) {
    const value = deviation * random.normal();
    if (Math.abs(value) <= bound) return value;
  }
}
