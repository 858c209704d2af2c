import * as l10n from '@vscode/l10n';
import type { Failure } from '../shared/failure';
import { messageOf } from '../shared/failure';
import { checkSafetensorsStart, decodeSafetensors, SafetensorsError } from '../shared/safetensors';
import { UserError } from '../shared/userError';
import { isSystemError } from '../system/errors';
import { openRegular } from '../system/regularFiles';
import { stateDictOf, withoutPrefixes } from './stateDict';
import type { StoredTensor } from './storedTensor';
import { isTorchFile, readTorchFile } from './torchFile';
import { WeightsError } from './weightsError';

/** The tensors of a weights file. */
export interface WeightsFile {
  readonly tensors: readonly StoredTensor[];
  /**
   * The tensor layout: the product's own checkpoints use its own layout, other files use PyTorch's. Any program may
   * declare the product's layout.
   */
  readonly layout: 'tensorflow' | 'torch';
  /** Which part of a larger file was used, as a sentence; null if the file contains only weights. */
  readonly choice: string | null;
}

/**
 * Reads a weights file: safetensors, or torch.save in its zip or legacy format, detected by content. Executes nothing.
 * Unwraps what programs put around a state dict. If a file has both weights and their moving average, takes the
 * average, like timm.
 *
 * @throws UserError
 */
export async function readWeightsFile(path: string): Promise<WeightsFile> {
  const bytes = await readBytes(path);
  try {
    return decodeWeights(bytes);
  } catch (error) {
    throw new UserError(decodingFailure(path, error), { cause: error });
  }
}

/** @throws WeightsError or SafetensorsError */
export function decodeWeights(bytes: Uint8Array): WeightsFile {
  if (!isTorchFile(bytes)) return decodeSafetensorsFile(bytes);
  const found = stateDictOf(readTorchFile(bytes));
  if (!found) throw new WeightsError('it holds no tensors by name, as the state_dict() of a model has them');
  const { tensors, wrapper, isAverage } = found;
  const key = wrapper.join('.');
  if (key === '') return { tensors, layout: 'torch', choice: null };
  return {
    tensors,
    layout: 'torch',
    choice: isAverage
      ? l10n.t("Using the moving average {0} of the file's weights.", key)
      : l10n.t('Using the weights {0} of the file.', key),
  };
}

function decodeSafetensorsFile(bytes: Uint8Array): WeightsFile {
  const { metadata, tensors } = decodeSafetensors(bytes);
  const own = tensors
    .filter(({ name }) => !isTrainingTensor(name, metadata))
    .map(({ values, ...tensor }) => ({ ...tensor, read: () => values }));
  return metadata.layout === 'tensorflow'
    ? { tensors: own, layout: 'tensorflow', choice: null }
    : { tensors: withoutPrefixes(own), layout: 'torch', choice: null };
}

/** Whether a tensor of the product's own checkpoint is optimizer state or a moving average. */
function isTrainingTensor(name: string, metadata: Readonly<Record<string, string>>): boolean {
  return metadata.format === 'bag-of-tricks' && /^(optimizer|average)\./.test(name);
}

/** Enough bytes to detect a file's format and the length of its header. */
const START_BYTES = 4096;

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    await using file = await openRegular(path);
    const { size } = await file.stat();
    const start = Buffer.alloc(Math.min(size, START_BYTES));
    await file.read(start, 0, start.length, 0);
    // Checks the first bytes before allocating memory for the rest.
    if (!isTorchFile(start)) checkSafetensorsStart(start, size);
    return await file.readFile();
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (error instanceof SafetensorsError)
      throw new UserError(decodingFailure(path, error), { cause: error });
    throw new UserError(readingFailure(path, error), { cause: error });
  }
}

function decodingFailure(path: string, error: unknown): Failure {
  if (error instanceof SafetensorsError) {
    return {
      what: l10n.t('{0} is not a readable safetensors file: {1}.', path, error.message),
      remedy: l10n.t(
        'Save it again. In PyTorch: safetensors.torch.save_file(model.state_dict(), "{0}").',
        'weights.safetensors',
      ),
    };
  }
  if (error instanceof WeightsError) return unreadable(path, error);
  throw error;
}

/** Returns the failure for a torch.save file that cannot be read. */
export function unreadable(path: string, { message }: WeightsError): Failure {
  return {
    what: l10n.t('{0} is not a readable torch.save file: {1}.', path, message),
    remedy: l10n.t(
      'Load it in PyTorch and save only the weights: torch.save(model.state_dict(), "{0}").',
      'weights.pth',
    ),
  };
}

function readingFailure(path: string, error: unknown): Failure {
  return isSystemError(error, 'ENOENT', 'ENOTDIR')
    ? {
        what: l10n.t('The weights file {0} does not exist.', path),
        remedy: l10n.t("Check init. A path is relative to the experiment file's folder."),
      }
    : {
        what: l10n.t('{0} cannot be read: {1}.', path, messageOf(error)),
        remedy: l10n.t('Check that it is a file and that you have permission to read it.'),
      };
}
