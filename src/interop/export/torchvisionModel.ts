import * as l10n from '@vscode/l10n';
import { isResNet, type ModelSpec } from '../../models/catalog';
import type { Graph } from '../../models/graph';
import { modelText } from '../../models/modelText';
import { assertNever } from '../../shared/assertNever';
import type { Failure } from '../../shared/failure';
import { isBottleneckA } from '../../tricks/elsewhere/commandParts';

/** Returns Python that builds the torchvision model that computes the same as a graph, or why there is none. */
export function torchvisionModelOf(model: ModelSpec, graph: Graph): string | Failure {
  const [, , channels = 3] = graph.layers[0]?.shape ?? [];
  const [classes = 1] = graph.layers[graph.output]?.shape ?? [];
  const made = constructorOf(model, `num_classes=${classes}`);
  if (typeof made !== 'string' || channels === 3) return made;
  return refusal(l10n.t("torchvision's {0} takes images with 3 channels, not {1}.", model.name, channels));
}

function constructorOf(model: ModelSpec, classes: string): string | Failure {
  if (isResNet(model)) {
    const { name, width, variant } = model;
    if (variant === 'C' || variant === 'D') return lacking(`${name}-${variant}`);
    if (isBottleneckA(model)) {
      return refusal(
        l10n.t(
          "{0}-A has its strides in the first 1x1 convolutions. torchvision's {0} has them in the 3x3 convolutions, like {0}-B.",
          name,
        ),
      );
    }
    return width === 64 ? `torchvision.models.${name}(${classes})` : lacking(modelText(model));
  }
  switch (model.name) {
    case 'inception_v3':
      if (model.widthMultiplier !== 1) return lacking(modelText(model));
      // Without the auxiliary classifier, because our training has no auxiliary loss.
      return `torchvision.models.inception_v3(${classes}, aux_logits=False, init_weights=False)`;
    case 'vgg16_bn':
      return model.width === 64 ? `torchvision.models.vgg16_bn(${classes})` : lacking(modelText(model));
    case 'densenet121':
      return model.growthRate === 32
        ? `torchvision.models.densenet121(${classes})`
        : `torchvision.models.DenseNet(${model.growthRate}, (6, 12, 24, 16), ${2 * model.growthRate}, ${classes})`;
    case 'mobilenet_v1':
    case 'resnet8':
    case 'resnet14':
    case 'resnet20':
    case 'resnet32':
    case 'resnet44':
    case 'resnet56':
    case 'resnet110':
    case 'resnet9':
    case 'cnn':
    case 'mlp':
      return lacking(model.name);
    default:
      return assertNever(model);
  }
}

function lacking(model: string): Failure {
  return refusal(l10n.t('torchvision has no {0}.', model));
}

function refusal(what: string): Failure {
  return {
    what,
    remedy: l10n.t(
      'Export it as ONNX ({0}), or omit {1} to export it under its own names.',
      '--onnx FILE.onnx',
      '--format',
    ),
  };
}
