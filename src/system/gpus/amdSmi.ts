import { isMapping } from '../../shared/values';
import { type AmdGpu, amdGpu } from './amdGpu';
import { jsonIn, textOf } from './amdJson';

/** Parses the output of `amd-smi static --asic --bus --json`. Empty if it is something else. */
export function gpusOfAmdSmi(output: string): AmdGpu[] {
  const read = jsonIn(output);
  // From ROCm 7 on, the list is in a field.
  const list = isMapping(read) ? read.gpu_data : read;
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry) => {
    if (!isMapping(entry) || typeof entry.gpu !== 'number') return [];
    const asic = isMapping(entry.asic) ? entry.asic : {};
    const bus = isMapping(entry.bus) ? entry.bus : {};
    return [
      amdGpu(entry.gpu, {
        name: textOf(asic.market_name),
        uniqueId: textOf(asic.asic_serial),
        bus: textOf(bus.bdf),
      }),
    ];
  });
}
