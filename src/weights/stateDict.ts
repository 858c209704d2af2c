import type { StoredTensor } from './storedTensor';
import { isTorchMapping, isTorchTensor, type TorchMapping, type TorchValue } from './torchFile';

/** A model's tensors in a file. */
export interface StateDict {
  readonly tensors: readonly StoredTensor[];
  /** The keys to reach it, such as `state_dict`. Empty if the file itself is the state dict. */
  readonly wrapper: readonly string[];
  /** Whether it is the moving average of the weights, which is preferred if a file has both. */
  readonly isAverage: boolean;
}

/** Keys under which programs save a moving average of the weights. timm's come first (timm.models.load_state_dict). */
const AVERAGES = ['state_dict_ema', 'model_ema', 'ema_state_dict', 'ema'];
/** Keys under which programs save the weights. */
const WEIGHTS = ['state_dict', 'model_state_dict', 'model', 'net', 'network', 'params', 'weights'];
/** Prefixes that data parallel training, torch.compile and Lightning add to each name. */
const PREFIXES = ['module.', '_orig_mod.', 'model.', 'net.'];
/** The counter of torch.optim.swa_utils.AveragedModel, next to its module. */
const AVERAGE_COUNT = 'n_averaged';

/** Returns the state dict in a file, unwrapping what programs put around it; null if there is none. */
export function stateDictOf(value: TorchValue): StateDict | null {
  const found = unwrapped(value, []);
  if (!found) return null;
  const { mapping, wrapper } = found;
  const tensors = [...mapping].flatMap(([name, tensor]) =>
    isTorchTensor(tensor) && name !== AVERAGE_COUNT ? [{ name, ...tensor }] : [],
  );
  const [key] = wrapper;
  return {
    tensors: withoutPrefixes(tensors),
    wrapper,
    isAverage: mapping.has(AVERAGE_COUNT) || (key !== undefined && AVERAGES.includes(key)),
  };
}

/** Removes the prefixes that all tensor names share. */
export function withoutPrefixes(tensors: readonly StoredTensor[]): readonly StoredTensor[] {
  const prefix = PREFIXES.find((each) => tensors.every(({ name }) => name.startsWith(each)));
  if (prefix === undefined || tensors.length === 0) return tensors;
  return withoutPrefixes(tensors.map((tensor) => ({ ...tensor, name: tensor.name.slice(prefix.length) })));
}

function unwrapped(
  value: TorchValue | undefined,
  wrapper: readonly string[],
): { mapping: TorchMapping; wrapper: readonly string[] } | null {
  if (!isTorchMapping(value)) return null;
  for (const key of [...AVERAGES, ...WEIGHTS]) {
    const inner = unwrapped(value.get(key), [...wrapper, key]);
    if (inner) return inner;
  }
  return [...value.values()].some(isTorchTensor) ? { mapping: value, wrapper } : null;
}
