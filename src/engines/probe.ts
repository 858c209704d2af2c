import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { gpuEnvironment, gpuInLog, whyNoGpu } from './nvidia';
import { askInChild } from './probeChild';

export const probeSchema = z.discriminatedUnion('ok', [
  z.object({
    ok: z.literal(true),
    tensorflow: z.string(),
    gpu: z.discriminatedUnion('used', [
      z.object({ used: z.literal(true), name: z.string().nullable().describe("In the library's words.") }),
      z.object({
        used: z.literal(false),
        lacks: z.enum(['library', 'device']),
        why: z.string().describe('A sentence.'),
      }),
    ]),
  }),
  z.object({
    ok: z.literal(false),
    reason: z.string().describe('A sentence.'),
    loadError: z.string().nullable().describe("The system's linker's words, where the addon did not load."),
    timedOut: z.boolean(),
  }),
]);

/** The result of probing an addon on this machine. */
export type Probe = z.infer<typeof probeSchema>;

const answerSchema = z.union([
  z.object({ tensorflow: z.string(), usesGpu: z.boolean(), product: z.array(z.number()) }),
  z.object({ loadError: z.string() }),
]);

/** Loads an addon and multiplies two matrices. */
const SCRIPT = `
  const answer = (value) => process.stdout.write(JSON.stringify(value));
  let binding;
  try {
    binding = require(process.argv[1]);
  } catch (error) {
    answer({ loadError: error.message });
    process.exit(0);
  }
  const x = binding.createTensor([2, 2], binding.TF_FLOAT, Float32Array.of(1, 2, 3, 4));
  const attributes = [
    { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
    { name: 'transpose_a', type: binding.TF_ATTR_BOOL, value: false },
    { name: 'transpose_b', type: binding.TF_ATTR_BOOL, value: false },
  ];
  const [y] = binding.executeOp('MatMul', attributes, [x, x], 1);
  const product = Array.from(binding.tensorDataSync(y.id));
  answer({ tensorflow: binding.TF_Version, usesGpu: binding.isUsingGpuDevice(), product });
`;

/**
 * Probes an addon in a child process, so a crash ends only that process.
 *
 * @throws the signal's reason if aborted
 */
export async function probeAddon(addonPath: string, signal?: AbortSignal): Promise<Probe> {
  // The library logs which GPU it found, or why it found none.
  const child = await askInChild(SCRIPT, addonPath, signal, {
    ...gpuEnvironment(),
    TF_CPP_MIN_LOG_LEVEL: '0',
  });
  if (!child.ok) return { ...failed(child.reason), timedOut: child.end === 'late' };
  const answer = answerSchema.safeParse(child.answer);
  if (!answer.success) return failed(l10n.t('It did not compute.'));
  if ('loadError' in answer.data) return failed(answer.data.loadError, answer.data.loadError);
  const { tensorflow, usesGpu, product } = answer.data;
  if (product.join() !== '7,10,15,22') return failed(l10n.t('It computed wrong results.'));
  const gpu = usesGpu
    ? ({ used: true, name: gpuInLog(child.stderr) } as const)
    : ({ used: false, ...whyNoGpu(child.stderr) } as const);
  return { ok: true, tensorflow, gpu };
}

function failed(reason: string, loadError: string | null = null): Extract<Probe, { ok: false }> {
  return { ok: false, reason, loadError, timedOut: false };
}
