import type { Gpu } from './gpu';

/** An AMD GPU. */
export interface AmdGpu extends Gpu {
  readonly vendor: 'amd';
  /** The serial number of its chip, in hexadecimal without a prefix. Null if it has none. */
  readonly serial: string | null;
}

/** What AMD's programs tell about a GPU. Null if it is not known. */
export interface AmdFacts {
  readonly name: string | null;
  /** Hexadecimal, with the prefix 0x. */
  readonly uniqueId: string | null;
  /** The PCI address. */
  readonly bus: string | null;
}

/** Returns the GPU that AMD's programs describe. */
export function amdGpu(index: number, { name, uniqueId, bus }: AmdFacts): AmdGpu {
  const serial = uniqueId === null ? null : serialOf(uniqueId);
  return {
    ...{ vendor: 'amd', index, name: name ?? 'AMD GPU', serial, isPart: false },
    id: serial === null ? `AMD-${bus?.toLowerCase() ?? index}` : `GPU-${serial}`,
    // ROCm names a GPU by the serial number of its chip.
    uuid: serial === null ? null : `GPU-${serial}`,
  };
}

function serialOf(uniqueId: string): string | null {
  const digits = uniqueId.replace(/^0x/i, '').toLowerCase();
  return /^[\da-f]+$/.test(digits) && !/^0+$/.test(digits) ? digits.padStart(16, '0') : null;
}
