import type { Graph, ParameterKind, ParameterSpec } from '../models/graph';
import { parametersOf } from '../models/graph';
import { HEAD, isInModule, modulesCalled, stagesOf } from '../models/stages';
import { assertNever } from '../shared/assertNever';

/** Parameters that share optimizer settings. */
export interface ParameterGroup {
  readonly name: string;
  readonly kinds: readonly ParameterKind[];
  readonly weightDecay: number;
  /**
   * Prefixes of its parameters' names, up to a dot. A group without prefixes holds the parameters that are in no other
   * group. If several groups match, the first one gets the parameter.
   */
  readonly modules?: readonly string[];
  /** Learning rate multiplier; 1 if absent. Parameters with 0 are frozen. */
  readonly learningRateFactor?: number;
}

/** Which parameters weight decay applies to, how strong it is, and how the learning rate varies along the network. */
export interface ParameterGroupsPlan {
  readonly weightDecay: number;
  readonly decayOn: 'all' | 'kernels';
  /** Learning rate multiplier of the classifier. */
  readonly headLearningRateFactor: number;
  /** Learning rate ratio from each stage to the one before it. */
  readonly layerDecay: number;
}

const ALL_KINDS: readonly ParameterKind[] = ['kernel', 'bias', 'gamma', 'beta'];

/**
 * Splits a network's parameters into groups: frozen parameters first, then by stage if learning rates differ, then by
 * whether weight decay applies.
 *
 * With layer decay d, stage i of n (from 0, the stem) uses d^(n - 1 - i) of the learning rate, as in timm's
 * param_groups_layer_decay with coarse groups (Bao et al. 2022, BEiT, section 3.2). The head is last.
 *
 * @param freeze Names of stages and modules of the graph.
 * @param graphOf Returns the network. Called only if the groups depend on it.
 */
export function parameterGroupsOf(
  plan: ParameterGroupsPlan,
  freeze: readonly string[],
  graphOf: () => Graph,
): ParameterGroup[] {
  const { headLearningRateFactor, layerDecay } = plan;
  if (freeze.length === 0 && headLearningRateFactor === 1 && layerDecay === 1) return decayGroups(plan);
  const graph = graphOf();
  const frozen = freeze.flatMap((name) => modulesCalled(graph, name));
  const stages = stagesOf(graph).map(({ name, modules }, index, { length }) => ({
    name,
    modules,
    factor: layerDecay ** (length - 1 - index) * (name === HEAD ? headLearningRateFactor : 1),
  }));
  // Stages at the plain learning rate need no group of their own, unless all stages have one.
  const own = stages.filter(({ factor }) => layerDecay !== 1 || factor !== 1);
  const groups = [
    ...(frozen.length === 0
      ? []
      : [{ name: 'frozen', kinds: ALL_KINDS, weightDecay: 0, modules: frozen, learningRateFactor: 0 }]),
    ...own.flatMap(({ name, modules, factor }) =>
      decayGroups(plan, name).map((group) => ({ ...group, modules, learningRateFactor: factor })),
    ),
    ...(own.length === stages.length ? [] : decayGroups(plan)),
  ];
  const used = new Set(parametersOf(graph).map((parameter) => groupOf(groups, parameter)));
  return groups.filter((group) => used.has(group));
}

/** Splits a stage's parameters by whether weight decay applies. Group names start with the stage, if given. */
function decayGroups({ decayOn, weightDecay }: ParameterGroupsPlan, stage?: string): ParameterGroup[] {
  const named = (name: string) => (stage === undefined ? name : `${stage}.${name}`);
  switch (decayOn) {
    case 'all':
      return [{ name: stage ?? 'all', kinds: ALL_KINDS, weightDecay }];
    case 'kernels':
      return [
        { name: named('decay'), kinds: ['kernel'], weightDecay },
        { name: named('no_decay'), kinds: ['bias', 'gamma', 'beta'], weightDecay: 0 },
      ];
    default:
      return assertNever(decayOn);
  }
}

/**
 * Returns the group of a parameter.
 *
 * @throws if it is in no group, or in several groups without modules
 */
export function groupOf(
  groups: readonly ParameterGroup[],
  { name, kind }: Pick<ParameterSpec, 'name' | 'kind'>,
): ParameterGroup {
  const ofKind = groups.filter(({ kinds }) => kinds.includes(kind));
  const own = ofKind.find(({ modules }) => modules?.some((module) => isInModule(name, module)));
  if (own) return own;
  const [group, ...others] = ofKind.filter(({ modules }) => modules === undefined);
  if (!group || others.length > 0) throw new Error(`${name} is not in exactly one parameter group`);
  return group;
}

/** Returns the names of the frozen parameters. */
export function frozenParametersOf(groups: readonly ParameterGroup[], graph: Graph): ReadonlySet<string> {
  // Shortcut: most recipes freeze nothing.
  if (!groups.some(isFrozen)) return new Set();
  const frozen = parametersOf(graph).filter((parameter) => isFrozen(groupOf(groups, parameter)));
  return new Set(frozen.map(({ name }) => name));
}

function isFrozen({ learningRateFactor }: ParameterGroup): boolean {
  return learningRateFactor === 0;
}

/** Returns the weight decay of the trained parameters, and whether it also applies to biases and norms. */
export function weightDecayOf(groups: readonly ParameterGroup[]): {
  readonly weightDecay: number;
  readonly isForAll: boolean;
} {
  const trained = groups.filter((group) => !isFrozen(group));
  return {
    weightDecay: Math.max(0, ...trained.map(({ weightDecay }) => weightDecay)),
    isForAll: trained.every(({ kinds }) => kinds.includes('kernel')),
  };
}
