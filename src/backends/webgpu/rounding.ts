import { type WebGPUBackend, type WebGPUProgram, webgpu_util } from '@tensorflow/tfjs-backend-webgpu';
import { registerOwnKernel } from '../engineKernels';
import type { HalfFormat } from '../precision/formats';
import { ROUNDING_KERNEL } from '../precision/roundTensor';

/** Registers the webgpu backend's kernel for `roundTensor`. */
export function registerRounding(): void {
  registerOwnKernel('webgpu', ROUNDING_KERNEL, ({ inputs: { x }, attributes: { format }, backend }) =>
    (backend as WebGPUBackend).runWebGPUProgram(new RoundingProgram(x.shape, format), [x], 'float32'),
  );
}

/**
 * Uses integers, because GPU arithmetic may flush subnormals and reorder sums. Rounds away the low bits of the
 * significand, ties to even. A carry out of the significand correctly raises the exponent.
 */
const DROP_BITS = `
  fn dropBits(word : u32, bits : u32) -> u32 {
    let belowHalf = (1u << (bits - 1u)) - 1u;
    return ((word + belowHalf + ((word >> bits) & 1u)) >> bits) << bits;
  }`;

/** The rounding of `roundArray`, applied to a float32's bits without its sign. */
const NEAREST: Record<HalfFormat, string> = {
  float16: `
    fn nearest(magnitude : u32) -> u32 {
      if (magnitude >= 0x477ff000u) { return 0x7f800000u; }
      if (magnitude >= 0x38800000u) { return dropBits(magnitude, 13u); }
      // Subnormal halves are 2^-24 apart: the significand, as a multiple of that, loses these bits.
      let lost = 126u - (magnitude >> 23u);
      if (lost > 25u) { return 0u; }
      let multiple = dropBits((magnitude & 0x7fffffu) | 0x800000u, lost) >> lost;
      return select(bitcast<u32>(f32(multiple)) - (24u << 23u), 0u, multiple == 0u);
    }`,
  bfloat16: `
    fn nearest(magnitude : u32) -> u32 {
      return dropBits(magnitude, 16u);
    }`,
};

class RoundingProgram implements WebGPUProgram {
  readonly variableNames = ['X'];
  readonly workgroupSize: [number, number, number] = [64, 1, 1];
  readonly size = true;
  readonly shaderKey: string;
  readonly dispatchLayout: { x: number[] };
  dispatch: [number, number, number];

  constructor(
    readonly outputShape: number[],
    private readonly format: HalfFormat,
  ) {
    this.shaderKey = `round ${format}`;
    this.dispatchLayout = webgpu_util.flatDispatchLayout(outputShape);
    this.dispatch = webgpu_util.computeDispatch(this.dispatchLayout, outputShape, this.workgroupSize);
  }

  getUserCode(): string {
    return `
      ${DROP_BITS}
      ${NEAREST[this.format]}
      fn main(index : i32) {
        if (index >= uniforms.size) { return; }
        let word = bitcast<u32>(X[index]);
        let magnitude = word & 0x7fffffffu;
        // Infinities and NaN stay.
        let rounded = select(nearest(magnitude), magnitude, magnitude >= 0x7f800000u);
        setOutputAtIndex(index, bitcast<f32>((word & 0x80000000u) | rounded));
      }`;
  }
}
