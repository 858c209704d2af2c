import * as l10n from '@vscode/l10n';
import type { ModelSpec } from './catalog';

/** Formats a model with its options, e.g. 'resnet50-D, width 64'. */
export function modelText(model: ModelSpec): string {
  switch (model.name) {
    case 'mobilenet_v1':
      return model.activation === 'relu6'
        ? l10n.t('{0}, width × {1}, ReLU6', model.name, model.widthMultiplier)
        : l10n.t('{0}, width × {1}', model.name, model.widthMultiplier);
    case 'inception_v3':
      return l10n.t('{0}, width × {1}', model.name, model.widthMultiplier);
    case 'densenet121':
      return l10n.t('{0}, growth rate {1}', model.name, model.growthRate);
    case 'mlp':
      return l10n.t('{0}, hidden layers of {1}', model.name, model.hidden.join(', '));
    default: {
      const name = 'variant' in model ? `${model.name}-${model.variant}` : model.name;
      return l10n.t('{0}, width {1}', name, model.width);
    }
  }
}
