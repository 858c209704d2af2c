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
   * Who wrote it: a checkpoint of ours has its tensors in our layout, files of others in PyTorch's. Any program may say
   * that it uses our layout.
   */
  readonly layout: 'tensorflow' | 'torch';
  /** What was taken of a file that holds more, a sentence; null where it holds the weights alone. */
  readonly choice: string | null;
}

/**
 * Reads a weights file: of safetensors, or of torch.save in its zip or legacy format, by what its bytes are. Nothing in
 * it is executed. What programs wrap around a state dict is looked through; of weights and their moving average the
 * average is taken, as timm does.
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
      ? l10n.t('The weights are the moving average {0} of the file.', key)
      : l10n.t('The weights are {0} of the file.', key),
  };
}

function decodeSafetensorsFile(bytes: Uint8Array): WeightsFile {
  const { metadata, tensors } = decodeSafetensors(bytes);
  const own = tensors
    .filter(({ name }) => !isCarried(name, metadata))
    .map(({ values, ...tensor }) => ({ ...tensor, read: () => values }));
  return metadata.layout === 'tensorflow'
    ? { tensors: own, layout: 'tensorflow', choice: null }
    : { tensors: withoutPrefixes(own), layout: 'torch', choice: null };
}

/** Whether a tensor of a checkpoint of ours is the state of its optimizer or its moving average. */
function isCarried(name: string, metadata: Readonly<Record<string, string>>): boolean {
  return metadata.format === 'bag-of-tricks' && /^(optimizer|average)\./.test(name);
}

/** What says of which format a file is, and how long its header. */
const START_BYTES = 4096;

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    await using file = await openRegular(path);
    const { size } = await file.stat();
    const start = Buffer.alloc(Math.min(size, START_BYTES));
    await file.read(start, 0, start.length, 0);
    // What the first bytes claim is looked at before the rest takes memory.
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
      what: l10n.t('{0} is not a safetensors file that can be read: {1}.', path, error.message),
      remedy: l10n.t(
        'Write it anew. In PyTorch: safetensors.torch.save_file(model.state_dict(), "{0}").',
        'weights.safetensors',
      ),
    };
  }
  if (error instanceof WeightsError) return unreadable(path, error);
  throw error;
}

/** The failure of a file of torch.save that cannot be read. */
export function unreadable(path: string, { message }: WeightsError): Failure {
  return {
    what: l10n.t('{0} is not a file of torch.save that can be read: {1}.', path, message),
    remedy: l10n.t(
      'Load it in PyTorch and write the weights alone: torch.save(model.state_dict(), "{0}").',
      'weights.pth',
    ),
  };
}

function readingFailure(path: string, error: unknown): Failure {
  return isSystemError(error, 'ENOENT', 'ENOTDIR')
    ? {
        what: l10n.t('There is no file {0} to start from.', path),
        remedy: l10n.t("Check init: a path is taken from the experiment file's folder."),
      }
    : {
        what: l10n.t('{0} cannot be read: {1}.', path, messageOf(error)),
        remedy: l10n.t('Check that it is a file and that you may read it.'),
      };
}
