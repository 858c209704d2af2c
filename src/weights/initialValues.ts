import * as l10n from '@vscode/l10n';
import type { Graph } from '../models/graph';
import type { Failure } from '../shared/failure';
import { UserError } from '../shared/userError';
import { type FittedWeights, fitWeights, type HeadChoice, listed } from './fitting';
import { WeightsError } from './weightsError';
import { readWeightsFile, unreadable, type WeightsFile } from './weightsFile';

/** What a network starts from. */
export interface InitialWeights {
  /** Parameters and buffers by name, in our layout; without the classifier where that is new. */
  readonly values: Map<string, Float32Array>;
  readonly layout: WeightsFile['layout'];
  /** What was loaded, replaced and left out, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * The parameters and buffers of a network, by name and in our layout, from a weights file that has all of them.
 *
 * @throws UserError when it cannot be read, or does not hold just the network's tensors in their shapes
 */
export async function loadInitialValues(path: string, graph: Graph): Promise<Map<string, Float32Array>> {
  return fitted(path, await readWeightsFile(path), graph, 'keep').values;
}

/**
 * The values of a network that go on from a weights file, perhaps with a new classifier.
 *
 * @param shownAs What the weights are called in messages.
 * @throws UserError when it cannot be read, or does not fit the network
 */
export async function loadInitialWeights(
  path: string,
  graph: Graph,
  head: Exclude<HeadChoice, 'keep'>,
  shownAs: string,
): Promise<InitialWeights> {
  const file = await readWeightsFile(path);
  const { values, newHead, isGray, leftOut } = fitted(path, file, graph, head);
  for (const [name, value] of values) if (!value.every(Number.isFinite)) throw notFinite(path, name);
  const notes = [
    l10n.t('Loaded {0} tensors from {1}.', values.size, shownAs),
    ...(file.choice ? [file.choice] : []),
    ...(newHead ? [newHead] : []),
    ...(isGray ? [l10n.t('The first convolution is summed over red, green and blue, for grey images.')] : []),
    ...(leftOut.length > 0 ? [l10n.t('Left out of the weights: {0}.', listed(leftOut))] : []),
  ];
  return { values, layout: file.layout, notes };
}

function notFinite(path: string, name: string): UserError {
  return new UserError({
    what: l10n.t('{0}: {1} has values that are infinite or no numbers.', path, name),
    remedy: l10n.t('Choose a file that was saved before the training diverged.'),
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
