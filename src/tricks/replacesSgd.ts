import * as l10n from '@vscode/l10n';
import type { Draft } from '../recipe/draft';
import type { TrickProblem } from './trick';

/** Reports a trick that would replace SGD with its own optimizer although the file names another one. */
export function replacesSgd({ optimizer }: Draft, _: unknown, plain: Draft): TrickProblem[] {
  if (plain.optimizer.name === 'sgd' || plain.optimizer.name === optimizer.name) return [];
  return [
    {
      path: [],
      what: l10n.t('{0} replaces SGD, but the optimizer is {1}.', optimizer.name, plain.optimizer.name),
      remedy: l10n.t('Remove optimizer.name, or this trick.'),
    },
  ];
}
