import { isDeepStrictEqual } from 'node:util';
import * as l10n from '@vscode/l10n';
import { isResNet, type ModelSpec } from '../models/catalog';
import { multiplyAddsOf } from '../models/graph';
import type { ResNetVariant } from '../models/networks/resNet';
import { changed, type Draft, graphIfAny, graphOf } from '../recipe/draft';
import { NO_EQUIVALENT, type Systems } from './elsewhere/systems';
import { timmModel } from './elsewhere/timm';
import { torchvisionModel } from './elsewhere/torchvision';
import type { TrickProblem } from './trick';

/** Shared by the tweaks of He et al. 2018, section 4: each upgrades a ResNet to at least its variant. */
export function resNetTweak(variant: ResNetVariant) {
  const atLeast = tweak(variant);
  const tweaked = (draft: Draft): Draft => changed(draft, { model: atLeast(draft.model) });
  return {
    anchor: ['model'],
    fits: (draft: Draft) => !hasNetworkOf(draft, tweaked(draft)),
    insertion: () => true as const,
    // Files express it through the model's name, which is not a separate setting.
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
                'ResNet-{0} is a variant of the ImageNet ResNets, but the model is {1}.',
                variant,
                model.name,
              ),
              remedy: l10n.t('Use a model such as resnet18 or resnet50, or remove this trick.'),
            },
          ],
    apply: tweaked,
    effect: (draft: Draft): string => {
      if (!isResNet(draft.model)) return l10n.t('for the ImageNet ResNets');
      if (hasNetworkOf(draft, tweaked(draft))) {
        return l10n.t('idle: {0}-{1} already includes it', draft.model.name, draft.model.variant);
      }
      const [before, after] = [draft, tweaked(draft)].map((each) => millions(multiplyAddsOf(graphOf(each))));
      return l10n.t('multiply-adds per image {0} to {1} M', before ?? '', after ?? '');
    },
  };
}

/** Whether two drafts for the same images train the same network. False if one of them cannot be built. */
function hasNetworkOf(draft: Draft, other: Draft): boolean {
  if (draft.model === other.model) return true;
  const [graph, otherGraph] = [draft, other].map(graphIfAny);
  return graph !== null && isDeepStrictEqual(graph, otherGraph);
}

/**
 * Upgrades a ResNet to at least a variant. Always returns the same object for a model, so that its graph is built only
 * once.
 */
function tweak(variant: ResNetVariant): (model: ModelSpec) => ModelSpec {
  const tweaked = new WeakMap<ModelSpec, ModelSpec>();
  return (model) => {
    if (!isResNet(model) || model.variant >= variant) return model;
    const known = tweaked.get(model) ?? { ...model, variant };
    tweaked.set(model, known);
    return known;
  };
}

function millions(count: number): string {
  return (count / 1e6).toPrecision(4);
}
