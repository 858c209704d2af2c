import { describe, expect, test } from 'vitest';
import { parseExperiment } from '../../../src/experiment/parse';
import { trickFits } from '../../../src/insight/trickFit';
import { formatBytes } from '../../../src/shared/format';

/** A network with one hidden layer: 784 x 100 + 100 + 100 x 10 + 10 = 79,510 parameters, 318,040 bytes. */
const MLP = `name: memory
data: { dataset: fashion-mnist-sample, batch_size: 64 }
model: { name: mlp, hidden: [100] }
engine: wasm
`;
const RESNET = MLP.replace('mlp, hidden: [100]', 'resnet20').replace('64', '1024');

/** The memory text of each trick that changes memory use. */
const told = (text: string) =>
  Object.fromEntries(
    trickFits(parseExperiment(text, 'a.experiment.yaml')).flatMap((fit) => {
      const memory = fit.memory();
      return memory === null ? [] : [[fit.trick.name, memory]];
    }),
  );

describe('the memory of a step', () => {
  test('grows only by a copy of the weights, or by a second moment', () => {
    // Weights, gradients and momentum take 0.91 MiB, the temporary for updating the largest weight 0.30 MiB (784 x 100
    // values), and 64 images 0.57 MiB. A copy of the weights is 0.30 MiB.
    const grown = 'memory 1.78 MiB to 2.09 MiB';
    expect(told(MLP)).toEqual({
      ema: grown,
      sam: grown,
      lamb: grown,
      // Four batches of 64 instead of one of 256: a gradient sum instead of 192 images, 1.72 MiB.
      gradient_accumulation: 'memory 3.51 MiB to 2.09 MiB',
    });
  });

  test('is shown as a difference if three digits do not show it', () => {
    expect(told(RESNET).ema).toBe('memory +1.04 MiB');
    expect(told(`${RESNET}tricks: { ema: true }\n`).ema).toBe('memory +1.04 MiB');
  });

  test('halves in half precision if the engine has it, except weights and what goes with them', () => {
    expect(told(RESNET).mixed_precision).toBeUndefined();
    const native = told(RESNET.replace('wasm', 'tensorflow-gpu')).mixed_precision;
    expect(native).toBe('memory 1.19 GiB to 612 MiB');
    for (const open of ['engine: auto\n', 'engine: tensorflow\n']) {
      expect(told(RESNET.replace('engine: wasm\n', open)).mixed_precision).toBe(
        `${native} with native half precision`,
      );
    }
  });

  test('is left open if the file has problems', () => {
    expect(told(`${RESNET}sede: 1\n`)).toEqual({});
  });
});

test.each([
  [0, '0 bytes'],
  [999, '999 bytes'],
  [1000, '0.977 KiB'],
  [2 ** 20, '1 MiB'],
  [999 * 2 ** 20, '999 MiB'],
  [999.6 * 2 ** 20, '0.976 GiB'],
  [1.2345 * 2 ** 30, '1.23 GiB'],
  [5e15, '4550 TiB'],
])('%d bytes are written %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});
