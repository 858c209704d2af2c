import { type Graph, type Layer, layerParameters } from './graph';

/** A named part of a network, such as the stem, a group of blocks or the head. */
export interface Stage {
  /** `stem`, `layer1`, ..., `head`. */
  readonly name: string;
  /** The stage's modules: prefixes of its parameters' names, up to a dot. */
  readonly modules: readonly string[];
}

export const STEM = 'stem';
export const HEAD = 'head';

/** Patterns of numbered stages in layer names. A DenseNet transition belongs to the block before it. */
const NUMBERED: readonly [RegExp, (number: string) => string][] = [
  [/^layer(\d+)\./, (number) => `layer${number}`],
  [/^blocks\.(\d+)\./, (number) => `blocks.${number}`],
  [/^features\.(?:denseblock|transition)(\d+)\./, (number) => `features.denseblock${number}`],
  [/^Mixed_(\d[a-z])\./, (number) => `Mixed_${number}`],
];

/**
 * Returns the stages of a network, from the stem to the head (the classifier). ResNets have `layer1` to `layer4`, as in
 * timm's coarse groups. DenseNet has its blocks, MobileNet its `blocks`, Inception its modules. If a network has no
 * numbered names, a new stage (`stage2`, `stage3`, ...) starts after each pool and at each fully connected layer.
 *
 * Every parameter is in exactly one stage.
 */
export function stagesOf(graph: Graph): Stage[] {
  const stages: { name: string; modules: string[] }[] = [{ name: STEM, modules: [] }];
  const isNumbered = graph.layers.some((layer) => numberedStage(layer) !== null);
  let isAtEdge = false;
  for (const [id, layer] of graph.layers.entries()) {
    if (!isNumbered && layer.kind === 'pool') isAtEdge = true;
    if (!('name' in layer) || layerParameters(layer).length === 0) continue;
    const name = stageName(layer, {
      before: stages.at(-1)?.name ?? STEM,
      next: `stage${stages.length + 1}`,
      isHead: id === graph.output,
      isEdge: !isNumbered && (isAtEdge || layer.kind === 'dense'),
    });
    isAtEdge = false;
    let stage = stages.find((each) => each.name === name);
    if (!stage) {
      stage = { name, modules: [] };
      stages.push(stage);
    }
    const module = moduleOf(layer.name);
    if (!stage.modules.includes(module)) stage.modules.push(module);
  }
  return stages.filter(({ modules }) => modules.length > 0);
}

interface Where {
  readonly before: string;
  readonly next: string;
  readonly isHead: boolean;
  readonly isEdge: boolean;
}

function stageName(
  layer: Layer & { readonly name: string },
  { before, next, isHead, isEdge }: Where,
): string {
  if (isHead) return HEAD;
  return numberedStage(layer) ?? (isEdge ? next : before);
}

function numberedStage(layer: Layer): string | null {
  const name = 'name' in layer ? `${layer.name}.` : '';
  for (const [pattern, stage] of NUMBERED) {
    const [, number] = pattern.exec(name) ?? [];
    if (number !== undefined) return stage(number);
  }
  return null;
}

/** Returns the module that represents a layer in its stage: its numbered prefix, else its own name. */
function moduleOf(name: string): string {
  for (const [pattern] of NUMBERED) {
    const [part] = pattern.exec(`${name}.`) ?? [];
    if (part !== undefined) return part.slice(0, -1);
  }
  return name;
}

/** Whether a parameter or layer is in a module, judged by their names. */
export function isInModule(name: string, module: string): boolean {
  return name === module || name.startsWith(`${module}.`);
}

/** Returns the names that `freeze` accepts: the stages, then every module, outermost first. */
export function moduleNamesOf(graph: Graph): string[] {
  const layers = graph.layers.flatMap((layer) =>
    'name' in layer && layerParameters(layer).length > 0 ? [layer.name] : [],
  );
  const modules = layers.flatMap((name) => {
    const parts = name.split('.');
    return parts.map((_, index) => parts.slice(0, index + 1).join('.'));
  });
  const byDepth = modules.toSorted((a, b) => a.split('.').length - b.split('.').length);
  return [...new Set([...stagesOf(graph).map(({ name }) => name), ...byDepth])];
}

/** Resolves a name from `moduleNamesOf` to its modules. */
export function modulesCalled(graph: Graph, name: string): readonly string[] {
  return stagesOf(graph).find((stage) => stage.name === name)?.modules ?? [name];
}
