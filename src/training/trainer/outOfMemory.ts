import { totalmem } from 'node:os';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import * as l10n from '@vscode/l10n';
import type { Engine } from '../../backends/backend';
import { DeviceMemoryError } from '../../backends/deviceError';
import { precisionSupport } from '../../backends/precision/formats';
import { nvidiaGpus } from '../../engines/nvidia';
import { batchBytes, largestBatch, type StepMemory } from '../../models/stepMemory';
import type { EngineName } from '../../recipe/engineNames';
import type { Recipe } from '../../recipe/recipe';
import { memoryOf } from '../../recipe/recipeMemory';
import { assertNever } from '../../shared/assertNever';
import { counted } from '../../shared/counted';
import type { Failure } from '../../shared/failure';
import { messageOf } from '../../shared/failure';
import { roughBytes } from '../../shared/format';
import { UserError } from '../../shared/userError';
import { isOutOfMemory } from '../../system/errors';

/** Address space of a WebAssembly memory. */
const WASM_BYTES = 2 ** 32;
/** The fraction by which an estimate may be too high. A larger excess over the engine's limit is not worth trying. */
export const ESTIMATE_TOLERANCE = 0.25;
/** Fraction of the memory that a suggested batch size may fill. */
const COMFORTABLE_SHARE = 0.8;

/** Returns the maximum memory in bytes that an engine can have on this machine, with this number of threads. */
function memoryLimit(engine: EngineName, threads: number): number {
  const machine = Math.min(totalmem(), constrainedMemory());
  switch (engine) {
    case 'wasm':
      // Each thread has its own memory.
      return Math.min(threads * WASM_BYTES, machine);
    case 'tensorflow':
      // The limit of oneDNN's allocator, which provides the tensors of the library's CPU engine.
      return Math.min(Number(process.env.TF_MKL_ALLOC_MAX_BYTES) || machine, machine);
    case 'cpu':
      return machine;
    case 'tensorflow-gpu':
    case 'webgpu':
      // A GPU shows its free memory only when it runs out.
      return Number.POSITIVE_INFINITY;
    default:
      return assertNever(engine);
  }
}

/**
 * @throws {UserError} if a recipe's steps need more memory than there is, even allowing for the tolerance of the
 *   estimate
 */
export function assertFits(recipe: Recipe, engine: Engine, threads: number): void {
  const needed = batchBytes(threadsMemory(recipe, engine, threads), recipe.data.batchSize);
  const limit = memoryLimit(engine.name, threads);
  if (needed > (1 + ESTIMATE_TOLERANCE) * limit) {
    throw new UserError(outOfMemoryFailure(recipe, engine, threads, limit));
  }
}

/** Returns a step's memory if its batch is split among threads, each with its own copy of the weights. */
function threadsMemory(recipe: Recipe, engine: Engine, threads: number): StepMemory {
  const execution = precisionSupport(engine, recipe.precision.compute);
  const { fixedBytes, bytesPerImage } = memoryOf(recipe, execution);
  return { fixedBytes: threads * fixedBytes, bytesPerImage };
}

/** Trains. If an allocation fails, the error says how much memory was needed and which batch size would fit. */
export async function explainOutOfMemory<Result>(
  recipe: Recipe,
  engine: Engine,
  threads: number,
  train: () => Promise<Result>,
): Promise<Result> {
  const before = process.memoryUsage().rss;
  try {
    return await train();
  } catch (error) {
    if (error instanceof DeviceMemoryError || !ranOutOfMemory(error, engine.name)) throw error;
    const available = await availableTo(engine.name, threads, before);
    if (available === null) throw error;
    throw new UserError(outOfMemoryFailure(recipe, engine, threads, available), { cause: error });
  }
}

/** Returns the memory that was available to a training that ran out of it. Null if unknown. */
async function availableTo(engine: EngineName, threads: number, rssBefore: number): Promise<number | null> {
  // TensorFlow uses the first GPU.
  if (engine === 'tensorflow-gpu') return (await nvidiaGpus())[0]?.memoryBytes ?? null;
  const limit = memoryLimit(engine, threads);
  if (engine === 'wasm') return limit;
  // Other processes use the machine's memory too, so the limit is the amount that the training reached.
  return Math.min(limit, Math.max(process.resourceUsage().maxRSS * 1024 - rssBefore, 0));
}

/** Returns the failure of a step that needs more than `availableBytes`, for the user. */
function outOfMemoryFailure(
  recipe: Recipe,
  engine: Engine,
  threads: number,
  availableBytes: number,
): Failure {
  const { batchSize } = recipe.data;
  const memory = threadsMemory(recipe, engine, threads);
  const fitting = Math.min(largestBatch(memory, COMFORTABLE_SHARE * availableBytes), batchSize - 1);
  return {
    what: l10n.t(
      'Out of memory: a step on a batch of {0} needs about {1}, but the engine "{2}" had {3}.',
      counted(batchSize, 'image'),
      roughBytes(batchBytes(memory, batchSize)),
      engine.name,
      roughBytes(availableBytes),
    ),
    remedy:
      fitting > 0
        ? l10n.t(
            'Set data.batch_size to {0} or less. gradient_accumulation keeps the effective batch size.',
            fitting,
          )
        : l10n.t('Not even one image fits: choose a smaller model or smaller images.'),
  };
}

function ranOutOfMemory(error: unknown, engine: EngineName): boolean {
  const message = messageOf(error);
  if (isOutOfMemory(message)) return true;
  // XNNPACK aborts, or reads out of bounds, if its own allocations fail.
  return engine === 'wasm' && error instanceof WebAssembly.RuntimeError && isWasmFull();
}

function isWasmFull(): boolean {
  const { HEAPU8 } = (tf.backend() as BackendWasm).wasm as unknown as { HEAPU8: Uint8Array };
  return HEAPU8.length > 0.75 * WASM_BYTES;
}

/** Returns the memory limit of the container that the process runs in. */
function constrainedMemory(): number {
  const limit = process.constrainedMemory?.() ?? 0;
  // 0 if unknown, and more than any machine has if there is no limit.
  return limit > 0 ? limit : Number.POSITIVE_INFINITY;
}
