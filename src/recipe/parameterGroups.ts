import type { Graph, ParameterKind, ParameterSpec } from '../models/graph';
import { parametersOf } from '../models/graph';
import { HEAD, isInModule, modulesCalled, stagesOf } from '../models/stages';
import { assertNever } from '../shared/assertNever';

/** Parameters that share an optimizer's settings. */
export interface ParameterGroup {
  readonly name: string;
  readonly kinds: readonly ParameterKind[];
  readonly weightDecay: number;
  /**
   * What the names of its parameters begin with, up to a dot. A group without it has what is in no other group. Of
   * groups with it, a parameter belongs to the first.
   */
  readonly modules?: readonly string[];
  /** What the learning rate is multiplied by, 1 where it is absent. Parameters with 0 are frozen. */
  readonly learningRateFactor?: number;
}

/** What weight decay acts on, and how strongly, and how learning rates differ along the network. */
export interface ParameterGroupsPlan {
  readonly weightDecay: number;
  readonly decayOn: 'all' | 'kernels';
  /** What the learning rate of the classifier is multiplied by. */
  readonly headLearningRateFactor: number;
  /** What the learning rate is multiplied by from each stage to the one before it. */
  readonly layerDecay: number;
}

const ALL_KINDS: readonly ParameterKind[] = ['kernel', 'bias', 'gamma', 'beta'];

/**
 * The groups that the parameters of a network fall into: what is frozen, the stages where their learning rates differ,
 * and by whether weight decay acts on them.
 *
 * With layer decay d, stage i of n (from 0, the stem) learns at d^(n - 1 - i) of the learning rate, as by timm's
 * param_groups_layer_decay with its coarse groups (Bao et al. 2022, BEiT, section 3.2); the head comes last.
 *
 * @param freeze Names of stages and modules of the graph.
 * @param graphOf The network, which is asked for only where groups depend on it.
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
  // Those that learn at the plain learning rate need no group of their own, unless all stages have one.
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

/** The groups by whether weight decay acts on them, named after the stage where there is one. */
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
 * The group of a parameter.
 *
 * @throws when it is in none, or in several without modules
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

/** The names of the parameters that are not trained. */
export function frozenParametersOf(groups: readonly ParameterGroup[], graph: Graph): ReadonlySet<string> {
  // Most recipes freeze nothing.
  if (!groups.some(isFrozen)) return new Set();
  const frozen = parametersOf(graph).filter((parameter) => isFrozen(groupOf(groups, parameter)));
  return new Set(frozen.map(({ name }) => name));
}

function isFrozen({ learningRateFactor }: ParameterGroup): boolean {
  return learningRateFactor === 0;
}

/** How weight decay acts on what is trained: how strongly, and whether on biases and norms as well. */
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
