import { isMapping } from '../../shared/values';
import { type AmdGpu, amdGpu } from './amdGpu';
import { jsonIn, textOf } from './amdJson';

/** Parses the output of `rocm-smi --showproductname --showuniqueid --showbus --json`. Empty if it is something else. */
export function gpusOfRocmSmi(output: string): AmdGpu[] {
  const cards = jsonIn(output);
  if (!isMapping(cards)) return [];
  return Object.entries(cards).flatMap(([key, card]) => {
    const [, index] = /^card(\d+)$/.exec(key) ?? [];
    if (index === undefined || !isMapping(card)) return [];
    // Releases differ in the case of the labels.
    const labels = Object.entries(card).map(([label, value]) => [label.toLowerCase(), value] as const);
    const facts = new Map(labels);
    return [
      amdGpu(Number(index), {
        name: textOf(facts.get('card series')) ?? textOf(facts.get('card model')),
        uniqueId: textOf(facts.get('unique id')),
        bus: textOf(facts.get('pci bus')),
      }),
    ];
  });
}
