import * as l10n from '@vscode/l10n';
import { lacks, type Part, together, when } from './translation';

/** Of systems whose scripts treat all images alike: how a recipe balances classes. */
export const balance: Part = ({ data: { sampling }, loss: { classWeights } }) =>
  together(
    when(sampling === 'balanced', lacks(l10n.t('sampling: balanced; it takes each image once an epoch'))),
    when(classWeights !== null, lacks(l10n.t('class_weights: balanced; its loss counts all images alike'))),
  );
