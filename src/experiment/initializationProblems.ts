import * as l10n from '@vscode/l10n';
import { type Graph, parametersOf } from '../models/graph';
import { isInModule, moduleNamesOf, modulesCalled } from '../models/stages';
import type { Draft } from '../recipe/draft';
import { type ModelMismatch, modelMismatch, PUBLISHED_WEIGHTS, weightsSource } from '../recipe/pretrained';
import { assertNever } from '../shared/assertNever';
import { nearest } from '../shared/nearest';
import type { Path } from '../shared/path';
import type { ResolutionProblem } from './problem';

/**
 * Returns why a network cannot start from the weights in a draft, or cannot be frozen as specified. `graph` is null if
 * there is none.
 */
export function initializationProblems(draft: Draft, graph: Graph | null): ResolutionProblem[] {
  const { weights, freeze } = draft.initialization;
  return [
    ...(weights === null ? [] : weightsProblems(weights, draft)),
    ...(graph ? freezeProblems(freeze, graph) : []),
  ];
}

function weightsProblems(weights: string, { model }: Draft): ResolutionProblem[] {
  const source = weightsSource(weights);
  if (source.kind === 'unknown') return [unknownWeights(weights, source.hub)];
  const mismatch = modelMismatch(weights, model);
  if (!mismatch) return [];
  const { needed } = mismatch;
  const what = mismatchText(weights, mismatch);
  const remedy =
    mismatch.part === 'name'
      ? l10n.t('Use model.name: {0}, or the weights of {1}.', needed, model.name)
      : l10n.t('Use model.{0}: {1}.', mismatch.part, needed);
  const path = ['model', mismatch.part];
  return [{ path, what, remedy, fix: { type: 'set', path, value: needed, isMeant: false } }];
}

function mismatchText(weights: string, { part, needed }: ModelMismatch): string {
  switch (part) {
    case 'name':
      return l10n.t('{0} are the weights of a {1}.', weights, needed);
    case 'variant':
      return l10n.t('{0} are the weights of variant {1}.', weights, needed);
    case 'activation':
    case 'width':
    case 'growth_rate':
    case 'width_multiplier':
      return l10n.t('{0} are the weights of a model with {1} {2}.', weights, part, needed);
    default:
      return assertNever(part);
  }
}

function unknownWeights(weights: string, hub: string): ResolutionProblem {
  const names = PUBLISHED_WEIGHTS.filter((name) => name.startsWith(`${hub}:`));
  const near = names.find((name) => name.startsWith(`${weights}.`)) ?? nearest(weights, names);
  const path: Path = ['init', 'weights'];
  return {
    path,
    what: l10n.t('The weights {0} do not exist.', weights),
    remedy: near
      ? l10n.t('Did you mean {0}?', near)
      : l10n.t(
          'Specify a model and its weights, such as {0}.',
          names.find((name) => name.includes('.')) ?? '',
        ),
    ...(near !== undefined && { replacement: near }),
  };
}

function freezeProblems(freeze: readonly string[], graph: Graph): ResolutionProblem[] {
  const names = moduleNamesOf(graph);
  const unknown = freeze.flatMap((name, index): ResolutionProblem[] => {
    if (names.includes(name)) return [];
    const near = nearest(name, names);
    return [
      {
        path: ['init', 'freeze', index],
        what: l10n.t('The model has no part {0} to freeze.', name),
        remedy: near
          ? l10n.t('Did you mean {0}?', near)
          : l10n.t('Use parts such as {0}.', names.slice(0, 6).join(', ')),
        ...(near !== undefined && { replacement: near }),
      },
    ];
  });
  const frozen = freeze.flatMap((name) => modulesCalled(graph, name));
  const isAll = parametersOf(graph).every(({ name }) => frozen.some((module) => isInModule(name, module)));
  if (unknown.length > 0 || !isAll) return unknown;
  return [
    {
      path: ['init', 'freeze'],
      what: l10n.t('The whole model is frozen, so nothing would be trained.'),
      remedy: l10n.t('Leave at least the head unfrozen.'),
    },
  ];
}
