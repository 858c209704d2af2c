import * as l10n from '@vscode/l10n';
import type { Graph } from '../models/graph';
import { counted } from '../shared/counted';
import type { Failure } from '../shared/failure';
import { UserError } from '../shared/userError';
import { type FittedWeights, fitWeights, type HeadChoice, listed } from './fitting';
import { WeightsError } from './weightsError';
import { readWeightsFile, unreadable, type WeightsFile } from './weightsFile';

/** The initial weights of a network. */
export interface InitialWeights {
  /** Parameters and buffers by name, in the product's own layout. Excludes a new classifier. */
  readonly values: Map<string, Float32Array>;
  readonly layout: WeightsFile['layout'];
  /** One sentence for each thing that was loaded, replaced or left out. */
  readonly notes: readonly string[];
}

/**
 * Loads all parameters and buffers of a network from a weights file, by name and in the product's own layout.
 *
 * @throws UserError if the file cannot be read, or does not contain exactly the network's tensors in their shapes
 */
export async function loadInitialValues(path: string, graph: Graph): Promise<Map<string, Float32Array>> {
  return fitted(path, await readWeightsFile(path), graph, 'keep').values;
}

/**
 * Loads a network's values from a weights file, possibly with a new classifier.
 *
 * @param shownAs the name of the weights in messages
 * @throws UserError if the file cannot be read or does not fit the network
 */
export async function loadInitialWeights(
  path: string,
  graph: Graph,
  head: Exclude<HeadChoice, 'keep'>,
  shownAs: string,
): Promise<InitialWeights> {
  const file = await readWeightsFile(path);
  const { values, newHead, isGray, skipped } = fitted(path, file, graph, head);
  for (const [name, value] of values) if (!value.every(Number.isFinite)) throw notFinite(path, name);
  const notes = [
    l10n.t('Loaded {0} from {1}.', counted(values.size, 'tensor'), shownAs),
    ...(file.choice ? [file.choice] : []),
    ...(newHead ? [newHead] : []),
    ...(isGray
      ? [l10n.t("The first convolution's weights are summed over red, green and blue to fit gray images.")]
      : []),
    ...(skipped.length > 0 ? [l10n.t('Weights not used: {0}.', listed(skipped))] : []),
  ];
  return { values, layout: file.layout, notes };
}

function notFinite(path: string, name: string): UserError {
  return new UserError({
    what: l10n.t('{0}: {1} contains infinite or NaN values.', path, name),
    remedy: l10n.t('Choose a file saved before the training diverged.'),
  });
}

function fitted(path: string, file: WeightsFile, graph: Graph, head: HeadChoice): FittedWeights {
  const fit = fitOrFailure(path, file, graph, head);
  if ('values' in fit) return fit;
  throw new UserError({ what: `${path}: ${fit.what}`, remedy: fit.remedy });
}

function fitOrFailure(
  path: string,
  file: WeightsFile,
  graph: Graph,
  head: HeadChoice,
): FittedWeights | Failure {
  try {
    return fitWeights(file, graph, head);
  } catch (error) {
    if (!(error instanceof WeightsError)) throw error;
    throw new UserError(unreadable(path, error), { cause: error });
  }
}
