import * as tf from '@tensorflow/tfjs-core';
import type { ParameterSpec } from '../../models/graph';
import { groupOf, type ParameterGroup } from '../../recipe/parameterGroups';
import type { OptimizerRecipe, Recipe } from '../../recipe/recipe';
import { assertNever } from '../../shared/assertNever';
import type { Gradients, Network } from '../network/network';
import { adam } from './adam';
import { type JointParameter, JointUpdate } from './jointUpdate';
import { lamb } from './lamb';
import { lars } from './lars';
import type { Moved, Slots, StepTime, UpdateRule } from './rule';
import { sgd } from './sgd';

/** The settings of a parameter that its update depends on. */
interface ParameterSettings {
  readonly weightDecay: number;
  readonly isKernel: boolean;
  /** Multiplies the learning rate. */
  readonly learningRateFactor: number;
}

/** A parameter of the network at a step. */
interface Moving extends JointParameter {
  readonly learningRateFactor: number;
}

/** Updates a network's parameters and owns the optimizer state. */
export class Optimizer {
  readonly #rule: UpdateRule;
  readonly #settings: ReadonlyMap<string, ParameterSettings>;
  readonly #slots = new Map<string, Slots>();
  #count = 0;
  /** The joint update of small parameters, by learning rate factor. Null if the engine does not compile. */
  readonly #joint = new Map<number, JointUpdate | null>();

  constructor(rule: UpdateRule, settings: ReadonlyMap<string, ParameterSettings>) {
    this.#rule = rule;
    this.#settings = settings;
  }

  /** Steps taken. */
  get count(): number {
    return this.#count;
  }

  /**
   * The optimizer state by name, such as `conv1.weight.velocity`. Empty before the first step. The optimizer owns the
   * tensors.
   */
  get state(): ReadonlyMap<string, tf.Tensor> {
    return new Map(
      [...this.#slots].flatMap(([name, slots]) =>
        Object.entries(slots).map(([slot, tensor]) => [`${name}.${slot}`, tensor] as const),
      ),
    );
  }

  /**
   * Restores a `state` saved after `count` steps. Takes ownership of the tensors.
   *
   * @throws if a tensor that the parameters need is missing
   */
  restore(state: ReadonlyMap<string, tf.Tensor>, count: number): void {
    this.dispose();
    this.#count = count;
    if (count === 0) return;
    for (const name of this.#settings.keys()) {
      const slots = this.#rule.slots.map((slot) => {
        const tensor = state.get(`${name}.${slot}`);
        if (!tensor) throw new Error(`The optimizer's state has no ${name}.${slot}`);
        return [slot, tensor] as const;
      });
      this.#slots.set(name, Object.fromEntries(slots));
    }
  }

  /**
   * Updates every parameter of the network that is not frozen, in place. The caller disposes the gradients but must not
   * read them, because an engine may add the decay to them.
   *
   * Large parameters are updated one by one. Joining them into one tensor would take fewer operations, but more time
   * for the copies. Small ones are updated in a single computation if the engine compiles it.
   */
  step(network: Pick<Network, 'parameters' | 'assign'>, gradients: Gradients, learningRate: number): void {
    this.#count++;
    const byFactor = new Map<number, Moving[]>();
    for (const [name, settings] of this.#settings) {
      const parameter = this.#parameter(name, settings, network, gradients);
      const others = byFactor.get(settings.learningRateFactor);
      if (others) others.push(parameter);
      else byFactor.set(settings.learningRateFactor, [parameter]);
    }
    for (const [factor, parameters] of byFactor) {
      this.#move(network, parameters, { learningRate: learningRate * factor, count: this.#count });
    }
  }

  /** Updates the parameters that share a learning rate factor. */
  #move(network: Pick<Network, 'assign'>, parameters: readonly Moving[], time: StepTime): void {
    const small = parameters.filter(({ weight }) => weight.size <= SMALL);
    const factor = parameters[0]?.learningRateFactor ?? 1;
    // Compiles at the first step, so that a resumed training uses the same computation.
    if (!this.#joint.has(factor)) this.#joint.set(factor, JointUpdate.compile(this.#rule, small));
    const joint = this.#joint.get(factor);
    for (const [index, moved] of (joint?.run(small, time) ?? []).entries()) {
      this.#take(network, small[index] as JointParameter, moved);
    }
    const alone = joint ? parameters.filter(({ weight }) => weight.size > SMALL) : parameters;
    for (const parameter of alone) {
      const { weight, ...slots } = tf.tidy(() => {
        const moved = moveAlone(this.#rule, parameter, time);
        return { weight: moved.weight, ...moved.slots };
      });
      this.#take(network, parameter, { weight, slots });
    }
  }

  dispose(): void {
    for (const slots of this.#slots.values()) tf.dispose(Object.values(slots));
    this.#slots.clear();
    for (const joint of this.#joint.values()) joint?.dispose();
    this.#joint.clear();
  }

  #parameter(
    name: string,
    settings: ParameterSettings,
    { parameters }: Pick<Network, 'parameters'>,
    gradients: Gradients,
  ): Moving {
    const weight = parameters.get(name);
    const gradient = gradients.get(name);
    if (!weight || !gradient) throw new Error(`No parameter or gradient ${name}`);
    return { name, weight, gradient, ...settings, before: this.#slots.get(name) ?? null };
  }

  #take(network: Pick<Network, 'assign'>, { name, before }: JointParameter, { weight, slots }: Moved): void {
    if (before) tf.dispose(Object.values(before));
    this.#slots.set(name, slots);
    network.assign(name, weight);
  }
}

function moveAlone(
  rule: UpdateRule,
  { name: _, before, learningRateFactor: __, ...step }: Moving,
  time: StepTime,
): Moved {
  return rule.moveFused?.({ ...step, ...time }, before) ?? rule.move(step, rule.quantitiesAt(time), before);
}

/** Up to this number of values, the overhead of an update's ops exceeds the time of their memory passes. */
const SMALL = 2 ** 16;

/** Creates a recipe's optimizer for a network's parameters, in its initial state. */
export function createOptimizer(
  { optimizer, parameterGroups }: Pick<Recipe, 'optimizer' | 'parameterGroups'>,
  parameters: readonly ParameterSpec[],
): Optimizer {
  return new Optimizer(ruleOf(optimizer), settingsOf(parameterGroups, parameters));
}

function ruleOf(recipe: OptimizerRecipe): UpdateRule {
  switch (recipe.name) {
    case 'sgd':
      return sgd(recipe);
    case 'adam':
    case 'adamw':
      return adam(recipe);
    case 'lars':
      return lars(recipe);
    case 'lamb':
      return lamb(recipe);
    default:
      return assertNever(recipe);
  }
}

/** Returns the settings of each parameter that is not frozen, by name, from its group. */
function settingsOf(
  groups: readonly ParameterGroup[],
  parameters: readonly ParameterSpec[],
): ReadonlyMap<string, ParameterSettings> {
  return new Map(
    parameters.flatMap((parameter) => {
      const { weightDecay, learningRateFactor = 1 } = groupOf(groups, parameter);
      const settings = { weightDecay, learningRateFactor, isKernel: parameter.kind === 'kernel' };
      return learningRateFactor === 0 ? [] : [[parameter.name, settings]];
    }),
  );
}
