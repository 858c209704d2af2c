import { type Graph, type Layer, layerParameters } from './graph';

/** A part of a network between its input and its classifier. */
export interface Stage {
  /** `stem`, `layer1`, ..., `head`. */
  readonly name: string;
  /** Its modules: what the names of its parameters begin with, up to a dot. */
  readonly modules: readonly string[];
}

export const STEM = 'stem';
export const HEAD = 'head';

/** The names by which architectures number their stages; a transition of DenseNet belongs to the block before it. */
const NUMBERED: readonly [RegExp, (number: string) => string][] = [
  [/^layer(\d+)\./, (number) => `layer${number}`],
  [/^blocks\.(\d+)\./, (number) => `blocks.${number}`],
  [/^features\.(?:denseblock|transition)(\d+)\./, (number) => `features.denseblock${number}`],
  [/^Mixed_(\d[a-z])\./, (number) => `Mixed_${number}`],
];

/**
 * The stages of a network, from the stem to the head, which is its classifier. ResNets have `layer1` to `layer4`, as in
 * timm's coarse groups; DenseNet its blocks, MobileNet its `blocks`, Inception its modules. In a network without such
 * names a stage begins behind each pool and at each fully connected layer: `stage2`, `stage3`, ...
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

/** What stands for a layer in a stage: the numbered part that it is in, else its own name. */
function moduleOf(name: string): string {
  for (const [pattern] of NUMBERED) {
    const [part] = pattern.exec(`${name}.`) ?? [];
    if (part !== undefined) return part.slice(0, -1);
  }
  return name;
}

/** Whether a parameter or layer is in a module, by their names. */
export function isInModule(name: string, module: string): boolean {
  return name === module || name.startsWith(`${module}.`);
}

/** What `freeze` may name: the stages, then every module, from the outermost. */
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

/** The modules that a name of `moduleNamesOf` stands for. */
export function modulesCalled(graph: Graph, name: string): readonly string[] {
  return stagesOf(graph).find((stage) => stage.name === name)?.modules ?? [name];
}
