import type { StoredTensor } from './storedTensor';
import { isTorchMapping, isTorchTensor, type TorchMapping, type TorchValue } from './torchFile';

/** The tensors of a model that a file holds. */
export interface StateDict {
  readonly tensors: readonly StoredTensor[];
  /** The keys that lead to it, such as `state_dict`; none where the file is one. */
  readonly wrapper: readonly string[];
  /** Whether it is the moving average of the weights, as it is taken where a file has both. */
  readonly isAverage: boolean;
}

/** Under which keys programs save a moving average of the weights; timm's first (timm.models.load_state_dict). */
const AVERAGES = ['state_dict_ema', 'model_ema', 'ema_state_dict', 'ema'];
/** Under which keys programs save the weights. */
const WEIGHTS = ['state_dict', 'model_state_dict', 'model', 'net', 'network', 'params', 'weights'];
/** What data parallel training, torch.compile and Lightning put before each name. */
const PREFIXES = ['module.', '_orig_mod.', 'model.', 'net.'];
/** The counter of torch.optim.swa_utils.AveragedModel, beside its module. */
const AVERAGE_COUNT = 'n_averaged';

/** The state dict that a file holds, seen through what programs wrap around it; null where it holds none. */
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

/** Tensors without the prefixes that all of their names have. */
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
