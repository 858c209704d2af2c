import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
import * as l10n from '@vscode/l10n';
import {
  adapterName,
  type Dawn,
  dawnMissing,
  findDawn,
  isSoftware,
  onlySoftware,
  SOFTWARE_GPU,
} from '../../engines/dawn';
import { explainDawnLoadError } from '../../engines/dawnProbe';
import { binarySystemOf } from '../../engines/libraryFault';
import { messageOf } from '../../shared/failure';
import type { UserError } from '../../shared/userError';
import { type Engine, engineUnavailable } from '../backend';
import { DawnBackend } from './backend';
import { registerRounding } from './rounding';

const BACKEND_NAME = 'webgpu';

/** The limits that kernels run into. We request the adapter's maximum of each. */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
  'maxComputeWorkgroupSizeX',
  'maxComputeInvocationsPerWorkgroup',
] as const satisfies readonly (keyof GPUSupportedLimits)[];

/**
 * Loads WebGPU for a GPU of any vendor: Vulkan, Metal or Direct3D 12 through Dawn. Uses a software adapter only if the
 * environment variable SOFTWARE_GPU requests it.
 */
export async function loadWebgpu(): Promise<Engine> {
  if (!tf.findBackend(BACKEND_NAME)) {
    const backend = await openBackend();
    registerRounding();
    tf.registerBackend(BACKEND_NAME, () => backend);
  }
  await tf.setBackend(BACKEND_NAME);
  const { adapter } = tf.backend() as DawnBackend;
  const name = adapterName(adapter);
  return {
    name: 'webgpu',
    description: isSoftware(adapter)
      ? l10n.t('WebGPU in software ({0}), without a GPU', name)
      : l10n.t('WebGPU on the GPU {0}', name),
    versions: { node: process.versions.node, tfjs: tf.version_core },
  };
}

async function openBackend(): Promise<DawnBackend> {
  const path = findDawn();
  if (path === null) throw unavailable(dawnMissing());
  const dawn = await loadDawn(path);
  Object.assign(globalThis, dawn.globals);
  // The backend looks it up there, and it must live as long as its devices.
  const gpu = dawn.create([]);
  // Also for small tensors: a tensor's location may change when a run resumes, which must not change the digits.
  tf.env().set('WEBGPU_CPU_FORWARD', false);
  const { navigator } = globalThis as { navigator?: object };
  // Node before 21 has no navigator. Later versions have one that cannot be replaced.
  if (navigator) Object.defineProperty(navigator, 'gpu', { value: gpu, configurable: true });
  else Object.assign(globalThis, { navigator: { gpu } });
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw unavailable(l10n.t('No GPU was found.'));
  if (isSoftware(adapter.info) && !process.env[SOFTWARE_GPU]) {
    throw unavailable(
      onlySoftware(adapter.info),
      l10n.t('Choose another engine in the experiment, or set {0}=1 to use it anyway.', SOFTWARE_GPU),
    );
  }
  const device = await adapter.requestDevice({
    requiredFeatures: adapter.features.has('timestamp-query') ? ['timestamp-query'] : [],
    requiredLimits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])),
  });
  return new DawnBackend(device, adapter.info);
}

async function loadDawn(path: string): Promise<Dawn> {
  try {
    return createRequire(__filename)(path) as Dawn;
  } catch (error) {
    const { what, remedy } = explainDawnLoadError(messageOf(error), await binarySystemOf(path));
    throw unavailable(what, remedy);
  }
}

function unavailable(reason: string, remedy?: string): UserError {
  return engineUnavailable('webgpu', reason, remedy);
}
