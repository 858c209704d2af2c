import * as l10n from '@vscode/l10n';
import { isResNet } from '../models/catalog';
import { multiplyAddsOf } from '../models/graph';
import type { ResNetVariant } from '../models/networks/resNet';
import { changed, type Draft, graphOf } from '../recipe/draft';
import { NO_EQUIVALENT, type Systems } from './elsewhere/systems';
import { timmModel } from './elsewhere/timm';
import { torchvisionModel } from './elsewhere/torchvision';
import type { TrickProblem } from './trick';

/** What the tweaks of He et al. 2018, section 4, share: each makes a ResNet at least its variant. */
export function resNetTweak(variant: ResNetVariant) {
  return {
    anchor: ['model'],
    fits: ({ model }: Draft) => isResNet(model) && model.variant < variant,
    insertion: () => true as const,
    // Files say it by the model's name, which is not a setting of its own.
    systems: {
      timm: { file: NO_EQUIVALENT, command: timmModel },
      torchvision: { file: NO_EQUIVALENT, command: torchvisionModel },
      mmpretrain: { file: NO_EQUIVALENT },
    } satisfies Systems,
    problems: ({ model }: Draft): TrickProblem[] =>
      isResNet(model)
        ? []
        : [
            {
              path: [],
              what: l10n.t(
                'ResNet-{0} is a form of the ResNets for ImageNet, and the model is {1}.',
                variant,
                model.name,
              ),
              remedy: l10n.t('Use a model such as resnet18 or resnet50, or take this trick out.'),
            },
          ],
    apply: (draft: Draft): Draft => changed(draft, { model: atLeast(draft.model, variant) }),
    effect: (draft: Draft): string => {
      if (!isResNet(draft.model)) return l10n.t('for the ResNets for ImageNet');
      const before = multiplyAddsOf(graphOf(draft));
      const after = multiplyAddsOf(graphOf({ ...draft, model: atLeast(draft.model, variant) }));
      return after === before
        ? l10n.t('changes nothing in {0}-{1}', draft.model.name, draft.model.variant)
        : l10n.t('multiply-adds of an image {0} to {1} M', millions(before), millions(after));
    },
  };
}

function atLeast(model: Draft['model'], variant: ResNetVariant): Draft['model'] {
  return isResNet(model) && model.variant < variant ? { ...model, variant } : model;
}

function millions(count: number): string {
  return (count / 1e6).toPrecision(4);
}
