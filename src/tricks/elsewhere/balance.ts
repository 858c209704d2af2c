import * as l10n from '@vscode/l10n';
import { lacks, type Part, together, when } from './translation';

/** Class balancing of a recipe, for systems whose scripts treat all images alike. */
export const balance: Part = ({ data: { sampling }, loss: { classWeights } }) =>
  together(
    when(sampling === 'balanced', lacks(l10n.t('sampling: balanced; it uses each image once per epoch'))),
    when(
      classWeights !== null,
      lacks(l10n.t('class_weights: balanced; its loss weights all images equally')),
    ),
  );
