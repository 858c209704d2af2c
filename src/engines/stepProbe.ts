import { z } from 'zod';
import { askInChild } from './probeChild';

/** The time of a training step in milliseconds: of all its ops, and of the ops of each part. */
const stepSchema = z.object({
  stepMs: z.number().positive(),
  partsMs: z.object({
    forward: z.number(),
    inputGradient: z.number(),
    filterGradient: z.number(),
    rest: z.number(),
  }),
});
export type StepTime = z.infer<typeof stepSchema>;

/** Training step times of a small convolutional network by format. Null if the library does not compute in it. */
export const stepProbeSchema = z.object({
  float32: stepSchema,
  bfloat16: stepSchema.nullable(),
  float16: stepSchema.nullable(),
  emulated: stepSchema.describe('In float32, with each output and gradient rounded to bfloat16.'),
});
export type StepProbe = z.infer<typeof stepProbeSchema>;

/** Longer than the probe takes even if a format is a hundred times slower. A library that hangs is stopped then. */
const TIMEOUT_MS = 15_000;

/**
 * Runs training steps of two 3x3 convolutions with batch norm between them: forward, backward and update, in each
 * format in turn, with float32 weights. Takes the minimum of 15 steps. If a format needs more than half a second for
 * these, takes the minimum of the steps until then, at least one in addition to the first. Does not time a format that
 * does not accumulate in float32.
 */
const SCRIPT = `
  const binding = require(process.argv[1]);
  const TYPES = { float32: 1, bfloat16: 14, float16: 19, emulated: 1 };
  const [IMAGES, SIDE, CHANNELS, ROUNDS, FORMAT_MS] = [8, 16, 32, 15, 500];
  const type = (name, value) => ({ name, type: binding.TF_ATTR_TYPE, value });
  const flag = (name, value) => ({ name, type: binding.TF_ATTR_BOOL, value });
  const text = (name, value) => ({ name, type: binding.TF_ATTR_STRING, value });
  const ints = (name, value) => ({ name, type: binding.TF_ATTR_INT, value });
  const made = [];
  const run = (op, attributes, inputs, outputs = 1) => {
    const ids = binding.executeOp(op, attributes, inputs, outputs).map(({ id }) => id);
    made.push(...ids);
    return ids;
  };
  const release = () => made.splice(0).forEach((id) => binding.deleteTensor(id));
  const floats = (shape, of) => {
    const size = shape.reduce((product, each) => product * each, 1);
    return binding.createTensor(shape, binding.TF_FLOAT, Float32Array.from({ length: size }, (_, at) => of(at)));
  };
  const shapeOf = (shape) => binding.createTensor([shape.length], binding.TF_INT32, Int32Array.from(shape));
  const sliding = (T) => [
    type('T', T), ints('strides', [1, 1, 1, 1]), flag('use_cudnn_on_gpu', true), text('padding', 'SAME'),
    text('data_format', 'NHWC'), ints('dilations', [1, 1, 1, 1]),
  ];
  const norm = (T) => [
    type('T', T), type('U', 1), { name: 'epsilon', type: binding.TF_ATTR_FLOAT, value: 1e-5 },
    text('data_format', 'NHWC'), flag('is_training', true),
  ];
  const cast = (id, from, to) =>
    from === to ? id : run('Cast', [type('SrcT', from), type('DstT', to), flag('Truncate', false)], [id])[0];
  const imageShape = [IMAGES, SIDE, SIDE, CHANNELS];
  const filterShape = [3, 3, CHANNELS, CHANNELS];
  const noise = (at) => ((at * 7919) % 1009) / 1009 - 0.5;
  const images = floats(imageShape, noise);
  const filters = [floats(filterShape, (at) => noise(at) / 10), floats(filterShape, (at) => noise(at + 1) / 10)];
  const [ones, zeros, none] = [floats([CHANNELS], () => 1), floats([CHANNELS], () => 0), floats([0], () => 0)];
  const [imageSize, filterSize] = [shapeOf(imageShape), shapeOf(filterShape)];
  const rate = floats([], () => 1e-3);

  function step(T, isEmulated) {
    const partsMs = { forward: 0, inputGradient: 0, filterGradient: 0, rest: 0 };
    const timed = (part, work) => {
      const start = performance.now();
      const result = work();
      partsMs[part] += performance.now() - start;
      return result;
    };
    const rest = (work) => timed('rest', work);
    const rounded = (id) => (isEmulated ? rest(() => cast(cast(id, 1, 14), 14, 1)) : id);
    const start = performance.now();
    const x = rounded(rest(() => cast(images, 1, T)));
    const [first, second] = filters.map((filter) => rounded(rest(() => cast(filter, 1, T))));
    const y = rounded(timed('forward', () => run('Conv2D', sliding(T), [x, first])[0]));
    const [normed, , , mean, variance, own] = rest(() =>
      run('FusedBatchNormV3', norm(T), [y, ones, zeros, none, none], 6));
    const h = rounded(rest(() => run('Relu', [type('T', T)], [normed])[0]));
    const out = rounded(timed('forward', () => run('Conv2D', sliding(T), [h, second])[0]));
    const filterGradient = (seen, dy) =>
      rounded(timed('filterGradient', () => run('Conv2DBackpropFilter', sliding(T), [seen, filterSize, dy])[0]));
    const dSecond = filterGradient(h, out);
    const dh = rounded(
      timed('inputGradient', () => run('Conv2DBackpropInput', sliding(T), [imageSize, second, out])[0]));
    const [dNormed] = rest(() => run('ReluGrad', [type('T', T)], [dh, h]));
    const dy = rounded(
      rest(() => run('FusedBatchNormGradV3', norm(T), [dNormed, y, ones, mean, variance, own], 5)[0]));
    const dFirst = filterGradient(x, dy);
    rest(() => {
      for (const [index, gradient] of [dFirst, dSecond].entries()) {
        const [change] = run('Mul', [type('T', 1)], [cast(gradient, T, 1), rate]);
        binding.tensorDataSync(run('Sub', [type('T', 1)], [filters[index], change])[0]);
      }
    });
    const stepMs = performance.now() - start;
    release();
    return { stepMs, partsMs };
  }

  function sumsInFloat32(T) {
    const one = cast(floats([1, 1, 1, 65], () => 1), 1, T);
    const weights = cast(floats([1, 1, 65, 1], (at) => (at === 0 ? 2048 : 1)), 1, T);
    const [sum] = run('Conv2D', sliding(T), [one, weights]);
    // Batch norm with a ReLU is one op where the library knows it, and fails where the processor lacks the format.
    try {
      const [scale, shift] = [floats([65], () => 1), floats([65], () => 0)];
      const fused = [
        ...norm(T).slice(0, -1), flag('is_training', false),
        { name: 'exponential_avg_factor', type: binding.TF_ATTR_FLOAT, value: 1 },
        ints('num_side_inputs', 0), text('activation_mode', 'Relu'), text('_kernel', 'MklNameChangeOp'),
      ];
      run('_MklNativeFusedBatchNormEx', fused, [one, scale, shift, shift, scale], 6);
    } catch (error) {
      if (!/TF_Status: 5\\b|Could not find device for node|No OpKernel/.test(String(error))) throw error;
    }
    // 2112 is a number of each format.
    const value = binding.tensorDataSync(cast(sum, T, 1))[0];
    release();
    return value === 2112;
  }

  // In turn, so that what else the machine does meets all of them.
  const best = {};
  let going = [];
  for (const [format, T] of Object.entries(TYPES)) {
    try {
      best[format] = null;
      if (!sumsInFloat32(T)) continue;
      // The first step makes what the others use again.
      const isEmulated = format === 'emulated';
      const { stepMs } = step(T, isEmulated);
      going.push({ format, T, isEmulated, spentMs: stepMs });
    } catch {}
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const each of going) {
      const next = step(each.T, each.isEmulated);
      each.spentMs += next.stepMs;
      if (best[each.format] === null || next.stepMs < best[each.format].stepMs) best[each.format] = next;
    }
    going = going.filter(({ spentMs }) => spentMs < FORMAT_MS);
  }
  process.stdout.write(JSON.stringify(best));
`;

/**
 * Times training steps with an addon on the processor, in a child process.
 *
 * @returns null if they could not be timed
 * @throws the signal's reason if aborted
 */
export async function probeSteps(addonPath: string, signal?: AbortSignal): Promise<StepProbe | null> {
  const child = await askInChild(SCRIPT, addonPath, signal, {}, TIMEOUT_MS);
  if (!child.ok) return null;
  const answer = stepProbeSchema.safeParse(child.answer);
  return answer.success ? answer.data : null;
}
