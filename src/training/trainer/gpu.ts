import type { Engine } from '../../backends/backend';
import type { EngineRequest } from '../../recipe/engineNames';
import type { GpuNeed } from '../../runs/gpus/need';
import { type RunGpus, takeRunGpus } from '../../runs/gpus/run';
import type { RunRecord } from '../../runs/trainer/runRecord';
import { findGpus } from '../../system/gpus/find';
import { visibleGpus } from '../../system/gpus/visible';

/**
 * Takes a GPU for TensorFlow's library, which uses the first one that it sees. Call it before the library loads. Waits
 * until one is free. Null if the run did not ask for a GPU.
 *
 * @throws the signal's reason
 */
export async function takeRequestedGpu(
  request: EngineRequest,
  record: RunRecord,
  signal: AbortSignal,
): Promise<RunGpus | null> {
  if (request !== 'tensorflow-gpu') return null;
  const all = await findGpus();
  const of = visibleGpus(all, process.env).filter(({ vendor }) => vendor === 'nvidia');
  if (of.length === 0) return null;
  const taken = await takeRunGpus(record, { kind: 'any', count: 1, of }, all, signal);
  for (const [name, value] of Object.entries(taken.variables)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  return taken;
}

/**
 * Takes the GPU of an engine that has chosen one itself. Waits until it is free. Null if the engine uses none, one that
 * the driver's programs do not list, or, on WebGPU, one of several equal ones.
 *
 * @throws the signal's reason
 */
export async function takeGpuOf(
  { name, description }: Pick<Engine, 'name' | 'description'>,
  record: RunRecord,
  signal: AbortSignal,
): Promise<RunGpus | null> {
  if (name !== 'tensorflow-gpu' && name !== 'webgpu') return null;
  const all = await findGpus();
  const visible = name === 'tensorflow-gpu' ? visibleGpus(all, process.env).slice(0, 1) : [];
  const named = name === 'webgpu' ? all.filter((each) => description.includes(each.name)) : [];
  // Which one of several equal GPUs the graphics driver chose is not known.
  const [gpu] = named.length === 1 ? named : visible;
  const need: GpuNeed = gpu ? { kind: 'these', gpus: [gpu] } : { kind: 'none' };
  return gpu ? takeRunGpus(record, need, all, signal) : null;
}
