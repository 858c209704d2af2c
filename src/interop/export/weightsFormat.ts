import * as l10n from '@vscode/l10n';
import type { ModelSpec } from '../../models/catalog';
import type { Graph } from '../../models/graph';
import type { Failure } from '../../shared/failure';
import type { NamedTensor, TensorValues } from '../../shared/safetensors';
import type { SystemName } from './system';
import { inTimm, type TimmModel, timmModelOf } from './timmFolder';
import { torchvisionModelOf } from './torchvisionModel';

/** How a model's weights are exported. */
export interface WeightsFormat {
  /** Whose model takes them; null where neither system has one that computes the same. */
  readonly system: SystemName | null;
  /** Python that builds that model, whose load_state_dict(strict=True) takes the weights. */
  readonly build: string | null;
  /** A tensor under the system's name and in its shape. */
  readonly rename: (tensor: NamedTensor<TensorValues>) => NamedTensor<TensorValues>;
  /** What to know of them. */
  readonly notes: readonly string[];
}

/**
 * The format of a model's exported weights: that of torchvision where it has the very model, else timm's, else the names
 * of the layers here.
 *
 * @param asked the system to take
 * @returns why the weights are none for that system, where they are not
 */
export function weightsFormat(
  model: ModelSpec,
  graph: Graph,
  asked: SystemName | undefined,
): WeightsFormat | Failure {
  const torchvision = torchvisionModelOf(model, graph);
  const timm = timmModelOf(model, graph);
  if (asked !== 'timm' && typeof torchvision === 'string') {
    return { system: 'torchvision', build: torchvision, rename: (tensor) => tensor, notes: [] };
  }
  if (asked === 'torchvision' && typeof torchvision !== 'string') return torchvision;
  if ('architecture' in timm) {
    return { system: 'timm', build: timmConstructor(timm, graph), rename: inTimm, notes: [] };
  }
  if (asked === 'timm') return timm;
  const notes = [torchvision, timm].flatMap((refused) => (typeof refused === 'string' ? [] : [refused.what]));
  return { system: null, build: null, rename: (tensor) => tensor, notes };
}

/** Python that builds a model of timm. */
function timmConstructor({ architecture, modelArgs }: TimmModel, graph: Graph): string {
  const [, , channels = 1] = graph.layers[0]?.shape ?? [];
  const [classes] = graph.layers[graph.output]?.shape ?? [];
  const given = { num_classes: classes ?? 1, in_chans: channels, ...modelArgs };
  const words = Object.entries(given).map(([name, value]) => `${name}=${pythonLiteral(value)}`);
  return `timm.create_model(${[JSON.stringify(architecture), ...words].join(', ')})`;
}

function pythonLiteral(value: TimmModel['modelArgs'][string]): string {
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return JSON.stringify(value);
}

/** What a person needs to load exported weights. */
export function loadingText({ build }: WeightsFormat): string | null {
  return build && l10n.t('Load it in Python: {0}', `${build}.load_state_dict(..., strict=True)`);
}
