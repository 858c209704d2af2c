/**
 * The environment variables that limit which GPUs a program sees, and how several of them work together. CUDA reads
 * CUDA_VISIBLE_DEVICES (CUDA C++ Programming Guide, 'CUDA Environment Variables'). ROCm's runtime reads
 * ROCR_VISIBLE_DEVICES. HIP, on top of it, reads HIP_VISIBLE_DEVICES or else CUDA_VISIBLE_DEVICES, whose numbers count
 * among the GPUs that the runtime leaves (ROCm, 'GPU isolation techniques').
 */
import type { Gpu } from './gpu';

type Environment = Readonly<Record<string, string | undefined>>;

/** The variables that name GPUs. */
export const GPU_VARIABLES = ['CUDA_VISIBLE_DEVICES', 'HIP_VISIBLE_DEVICES', 'ROCR_VISIBLE_DEVICES'] as const;

/** Returns the GPUs that a program with this environment sees, in its order. */
export function visibleGpus(gpus: readonly Gpu[], env: Environment): readonly Gpu[] {
  const [first] = gpus;
  if (!first) return [];
  if (first.vendor === 'nvidia')
    return picked(gpus, env.CUDA_VISIBLE_DEVICES, (number) => withIndex(gpus, number));
  const left = leftByRuntime(gpus, env);
  // An empty HIP_VISIBLE_DEVICES hides everything, like an empty CUDA_VISIBLE_DEVICES.
  return picked(left, env.HIP_VISIBLE_DEVICES ?? env.CUDA_VISIBLE_DEVICES, (number) => left[number]);
}

/** Returns whether an environment has a variable that names GPUs. */
export function namesGpus(env: Environment): boolean {
  return GPU_VARIABLES.some((name) => env[name] !== undefined);
}

/**
 * Returns the changes to an environment that limit a program to some of the GPUs of this machine. A variable that is
 * undefined must be removed.
 *
 * @param all all GPUs of this machine
 */
export function gpuVariables(chosen: readonly Gpu[], all: readonly Gpu[], env: Environment): Environment {
  if (chosen[0]?.vendor === 'amd') {
    const left = leftByRuntime(all, env);
    const numbers = chosen.map(({ id }) => left.findIndex((gpu) => gpu.id === id));
    // HIP would read the first and PyTorch both.
    return { HIP_VISIBLE_DEVICES: numbers.join(','), CUDA_VISIBLE_DEVICES: undefined };
  }
  // Many scripts expect numbers. MIG devices have none, and a divided GPU shifts the numbers of others.
  if (all.some(({ isPart }) => isPart)) return { CUDA_VISIBLE_DEVICES: chosen.map(({ id }) => id).join(',') };
  return {
    CUDA_VISIBLE_DEVICES: chosen.map(({ index }) => index).join(','),
    // CUDA's default order puts the fastest first. nvidia-smi's numbers follow the bus.
    CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
  };
}

/** Returns the GPUs that ROCm's runtime leaves to HIP. */
function leftByRuntime(gpus: readonly Gpu[], { ROCR_VISIBLE_DEVICES: value }: Environment): readonly Gpu[] {
  return picked(gpus, value, (number) => withIndex(gpus, number));
}

/** Of a divided GPU, CUDA uses the first part. */
function withIndex(gpus: readonly Gpu[], number: number): Gpu | undefined {
  return gpus.find(({ index }) => index === number);
}

/**
 * Returns the GPUs that a variable's value names, all if it is not set. The first name that fits none ends the list, as
 * -1 does. A GPU that is named twice makes the value void.
 */
function picked(
  gpus: readonly Gpu[],
  value: string | undefined,
  byNumber: (number: number) => Gpu | undefined,
): readonly Gpu[] {
  if (value === undefined) return gpus;
  const found: Gpu[] = [];
  for (const name of value.split(',').map((part) => part.trim())) {
    const gpu = /^\d+$/.test(name) ? byNumber(Number(name)) : named(gpus, name);
    if (!gpu) break;
    if (found.includes(gpu)) return [];
    found.push(gpu);
  }
  return found;
}

/** Returns the only GPU whose UUID begins with a text. */
function named(gpus: readonly Gpu[], text: string): Gpu | undefined {
  if (!/^(?:GPU|MIG)-./i.test(text)) return undefined;
  const begun = gpus.filter(({ uuid }) => uuid?.toLowerCase().startsWith(text.toLowerCase()));
  return begun.length === 1 ? begun[0] : undefined;
}
