import * as l10n from '@vscode/l10n';
import { isResNet, type ModelSpec } from '../../models/catalog';
import type { Graph } from '../../models/graph';
import { torchLayoutsOf } from '../../models/torchLayout';
import type { Failure } from '../../shared/failure';
import type { NamedTensor, TensorValues } from '../../shared/safetensors';
import { isBottleneckA } from '../../tricks/elsewhere/commandParts';
import type { SystemName } from './system';

/**
 * A network's values as PyTorch's state dict of the same network has them: in its layout, with the count of
 * batches that each norm there has. For `load_state_dict(strict=True)`.
 *
 * @param values Parameters and buffers by name, in our layout.
 * @param batches Batches that the running statistics have seen.
 * @throws when a value is missing
 */
export function stateDictOf(
  graph: Graph,
  values: ReadonlyMap<string, Float32Array>,
  batches: number,
): NamedTensor<TensorValues>[] {
  const tensors = torchLayoutsOf(graph).map(({ name, torchShape, toTorch }) => {
    const ours = values.get(name);
    if (!ours) throw new Error(`There is no ${name}`);
    return { name, shape: torchShape, values: toTorch(ours) };
  });
  const counts = graph.layers
    .filter((layer) => layer.kind === 'batch_norm')
    .map(({ name }) => ({
      name: `${name}.num_batches_tracked`,
      shape: [],
      values: BigInt64Array.of(BigInt(batches)),
    }));
  return [...tensors, ...counts];
}

/**
 * The system whose names a model's weights are exported under, which differ for the ResNets alone: timm has C and
 * D, and both have A and B. Other models have the names of the one system that has them, or of their own.
 *
 * @param asked By default the one that has the model.
 * @returns why it cannot be that one, where it cannot
 */
export function exportFormat(model: ModelSpec, asked: SystemName | undefined): SystemName | Failure {
  const isTimms = isResNet(model) && (model.variant === 'C' || model.variant === 'D');
  if (isTimms && asked === 'torchvision') {
    return {
      what: l10n.t('torchvision has no {0}-{1}.', model.name, model.variant),
      remedy: l10n.t("Export it under timm's names: {0}", '--format timm'),
    };
  }
  return asked ?? (isTimms ? 'timm' : 'torchvision');
}

/** What to know of a model's exported weights before they are used there. */
export function exportNotes(model: ModelSpec): string[] {
  if (!isResNet(model)) return [];
  return [
    ...(isBottleneckA(model)
      ? [
          l10n.t(
            'The names are those of {0} there, but its stride stands in the 3x3 convolutions: set it in the first 1x1 instead.',
            model.name,
          ),
        ]
      : []),
    ...(model.width === 64
      ? []
      : [
          l10n.t(
            'Its width is {0}, and {1} there has 64: build the model of that width.',
            model.width,
            model.name,
          ),
        ]),
  ];
}
