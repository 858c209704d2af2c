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
  /** The system whose model takes the weights. Null if neither system has a model that computes the same. */
  readonly system: SystemName | null;
  /** Python that builds the model whose load_state_dict(strict=True) takes the weights. */
  readonly build: string | null;
  /** Returns a tensor with the system's name and shape. */
  readonly rename: (tensor: NamedTensor<TensorValues>) => NamedTensor<TensorValues>;
  /** Notes for the user of the weights. */
  readonly notes: readonly string[];
}

/**
 * Returns the format of a model's exported weights: torchvision's if it has the same model, else timm's, else our layer
 * names.
 *
 * @param asked the requested system
 * @returns a failure with the reason, if the weights cannot have the requested system's format
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

/** Returns Python that builds a timm model. */
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

/** Explains how to load exported weights. */
export function loadingText({ build }: WeightsFormat): string | null {
  return build && l10n.t('Load it in Python: {0}', `${build}.load_state_dict(..., strict=True)`);
}
