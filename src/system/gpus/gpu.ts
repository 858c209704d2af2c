/** A GPU of this machine, or a part of one (NVIDIA's MIG). */
export interface Gpu {
  readonly vendor: 'nvidia' | 'amd';
  /** As its vendor's programs number it: by PCI bus. A part has the number of its GPU. */
  readonly index: number;
  /** Such as `NVIDIA H100 80GB HBM3`. */
  readonly name: string;
  /** Identifies it for every process on this machine, in every container. */
  readonly id: string;
  /** As environment variables may name it instead of by number. Null if it has none. */
  readonly uuid: string | null;
  /** Whether it is a part of a GPU. A process can use at most one such part. */
  readonly isPart: boolean;
}
