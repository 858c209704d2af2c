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
import type { Failure } from '../../shared/failure';
import { messageOf } from '../../shared/failure';
import { roughBytes } from '../../shared/format';
import { UserError } from '../../shared/userError';
import { isOutOfMemory } from '../../system/errors';

/** What a WebAssembly memory can address. */
const WASM_BYTES = 2 ** 32;
/** By how much less memory than estimated a step may do with; what an engine is asked for beyond is no use to try. */
export const ESTIMATE_TOLERANCE = 0.25;
/** Share of the memory that a suggested batch may fill. */
const COMFORTABLE_SHARE = 0.8;

/** The most memory that an engine can have on this machine, on so many threads, in bytes. */
function memoryLimit(engine: EngineName, threads: number): number {
  const machine = Math.min(totalmem(), constrainedMemory());
  switch (engine) {
    case 'wasm':
      // Each thread has a memory of its own.
      return Math.min(threads * WASM_BYTES, machine);
    case 'tensorflow':
      // The limit of oneDNN's allocator, which the library's processor engine takes its tensors from.
      return Math.min(Number(process.env.TF_MKL_ALLOC_MAX_BYTES) || machine, machine);
    case 'cpu':
      return machine;
    case 'tensorflow-gpu':
    case 'webgpu':
      // What a GPU has left shows when it is full.
      return Number.POSITIVE_INFINITY;
    default:
      return assertNever(engine);
  }
}

/** @throws {UserError} when a recipe's steps need more memory than there is, whatever an estimate may be off */
export function assertFits(recipe: Recipe, engine: Engine, threads: number): void {
  const needed = batchBytes(threadsMemory(recipe, engine, threads), recipe.data.batchSize);
  const limit = memoryLimit(engine.name, threads);
  if (needed > (1 + ESTIMATE_TOLERANCE) * limit) {
    throw new UserError(outOfMemoryFailure(recipe, engine, threads, limit));
  }
}

/** What a step holds when its batch is cut among threads, each of which has the weights. */
function threadsMemory(recipe: Recipe, engine: Engine, threads: number): StepMemory {
  const execution = precisionSupport(engine, recipe.precision.compute);
  const { fixedBytes, bytesPerImage } = memoryOf(recipe, execution);
  return { fixedBytes: threads * fixedBytes, bytesPerImage };
}

/** Trains; where an allocation fails, the error says how much was needed and which batch would fit. */
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

/** What a training that ran out of memory could have; null where nothing tells it. */
async function availableTo(engine: EngineName, threads: number, rssBefore: number): Promise<number | null> {
  // TensorFlow computes on the first.
  if (engine === 'tensorflow-gpu') return (await nvidiaGpus())[0]?.memoryBytes ?? null;
  const limit = memoryLimit(engine, threads);
  if (engine === 'wasm') return limit;
  // On the machine's own memory others draw as well: what there was is what the training came to.
  return Math.min(limit, Math.max(process.resourceUsage().maxRSS * 1024 - rssBefore, 0));
}

/** What a person is told of a step that needs more than `availableBytes`. */
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
      'Out of memory: a step on a batch of {0} images needs about {1}, and the engine "{2}" had {3}.',
      batchSize,
      roughBytes(batchBytes(memory, batchSize)),
      engine.name,
      roughBytes(availableBytes),
    ),
    remedy:
      fitting > 0
        ? l10n.t('Set data.batch_size to {0} or less; gradient_accumulation keeps its effect.', fitting)
        : l10n.t('Not one image fits: choose a smaller model or smaller images.'),
  };
}

function ranOutOfMemory(error: unknown, engine: EngineName): boolean {
  const message = messageOf(error);
  if (isOutOfMemory(message)) return true;
  // XNNPACK gives up, or reads past the end, where its own allocations fail.
  return engine === 'wasm' && error instanceof WebAssembly.RuntimeError && isWasmFull();
}

function isWasmFull(): boolean {
  const { HEAPU8 } = (tf.backend() as BackendWasm).wasm as unknown as { HEAPU8: Uint8Array };
  return HEAPU8.length > 0.75 * WASM_BYTES;
}

/** The limit of the container that the process is in. */
function constrainedMemory(): number {
  const limit = process.constrainedMemory?.() ?? 0;
  // 0 where it is not known, and more than any machine has where there is none.
  return limit > 0 ? limit : Number.POSITIVE_INFINITY;
}
