import * as l10n from '@vscode/l10n';
import type { Draft } from '../recipe/draft';
import type { TrickProblem } from './trick';

/** The problem of a trick that puts its own optimizer in the place of SGD, where another was asked for by name. */
export function replacesSgd({ optimizer }: Draft, _: unknown, plain: Draft): TrickProblem[] {
  if (plain.optimizer.name === 'sgd' || plain.optimizer.name === optimizer.name) return [];
  return [
    {
      path: [],
      what: l10n.t('{0} replaces SGD, but the optimizer is {1}.', optimizer.name, plain.optimizer.name),
      remedy: l10n.t('Take optimizer.name out, or this trick.'),
    },
  ];
}
