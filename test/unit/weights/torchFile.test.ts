import { existsSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SafetensorsError } from '../../../src/shared/safetensors';
import { WeightsError } from '../../../src/weights/weightsError';
import { decodeWeights } from '../../../src/weights/weightsFile';
import expected from '../../fixtures/weights/tensors.json';
import { fixture } from './fixtures';

/** Returns a file's tensors by name, each with its shape and values. */
function tensorsIn(bytes: Uint8Array) {
  const { tensors } = decodeWeights(bytes);
  return Object.fromEntries(
    tensors.map(({ name, shape, read }) => [name, { shape: [...shape], values: [...read()] }]),
  );
}

describe('a file of torch.save', () => {
  test.each([
    ['in the zip format', 'plain.pth'],
    ['in the legacy format', 'legacy.pth'],
    ['whose weights are wrapped, beside objects of other classes', 'wrapped.pth'],
    ['of data parallel training and torch.compile, beside its optimizer', 'ddp.pth'],
  ])('%s has the tensors that PyTorch wrote, by their strides and types', (_, name) => {
    expect(tensorsIn(fixture(name))).toEqual(expected);
  });

  test('reports what was read from it', () => {
    expect(decodeWeights(fixture('plain.pth')).choice).toBeNull();
    expect(decodeWeights(fixture('wrapped.pth')).choice).toBe('Using the weights state_dict of the file.');
  });

  test('has its moving average used if it has one, which is reported', () => {
    const { choice } = decodeWeights(fixture('ema.pth'));
    expect(choice).toBe("Using the moving average model_ema of the file's weights.");
    const tensors = tensorsIn(fixture('ema.pth'));
    expect(Object.keys(tensors)).toEqual(Object.keys(expected));
    expect(tensors['b.bias']?.values).toEqual([1, -3]);
  });

  test('that holds a pickled model has its parameters and buffers by name', () => {
    const shapes = decodeWeights(fixture('module.pth')).tensors.map(({ name, shape }) => [name, shape]);
    expect(shapes).toEqual([
      ['0.weight', [2, 1, 3, 3]],
      ['0.bias', [2]],
      ['1.weight', [2]],
      ['1.bias', [2]],
      ['1.running_mean', [2]],
      ['1.running_var', [2]],
      ['1.num_batches_tracked', []],
    ]);
  });

  test.each(['evil.pth', 'evil-legacy.pth'])('that would run a command runs nothing: %s', (name) => {
    expect(tensorsIn(fixture(name))).toEqual({ 'a.weight': expected['a.weight'] });
    expect(existsSync('evil-was-executed')).toBe(false);
  });

  const refusal = (bytes: Uint8Array) => () => tensorsIn(bytes);
  const changed = (name: string, from: string, to: string) => {
    const text = Buffer.from(fixture(name)).toString('latin1');
    expect(text).toContain(from);
    return new Uint8Array(Buffer.from(text.replaceAll(from, to), 'latin1'));
  };

  test.each([
    ['without tensors', fixture('nothing.pth'), 'it holds no tensors'],
    ['of TorchScript', fixture('script.pth'), 'program of TorchScript'],
    ['that was cut short', fixture('plain.pth').subarray(0, 2000), 'cut short'],
    [
      'of the legacy format that was cut short',
      fixture('legacy.pth').subarray(0, -8),
      'it ends within storage',
    ],
    ['of a big-endian machine', changed('plain.pth', 'little', 'big   '), 'big-endian'],
    [
      'of the legacy format and a big-endian machine',
      changed('legacy.pth', 'little_endianq\x02\x88', 'little_endianq\x02\x89'),
      'big-endian',
    ],
    ['of a type that is not read', changed('plain.pth', 'DoubleStorage', 'DoubtfStorage'), 'DoubtfStorage'],
  ])('%s is refused, and why', (_, bytes, reason) => {
    expect(refusal(bytes)).toThrow(WeightsError);
    expect(refusal(bytes)).toThrow(reason);
  });

  test('that is compressed is refused, however small it is', () => {
    const bytes = fixture('plain.pth');
    const view = new DataView(bytes.buffer);
    const directory = view.getUint32(bytes.length - 6, true);
    view.setUint16(directory + 10, 8, true);
    expect(refusal(bytes)).toThrow('is compressed');
  });

  test('changed or truncated anywhere is read or refused', () => {
    const names = ['plain.pth', 'legacy.pth', 'wrapped.pth', 'ema.pth', 'module.pth', 'evil-legacy.pth'];
    const files = names.map(fixture);
    const change = fc.record({ at: fc.nat(), byte: fc.nat(255), cut: fc.boolean() });
    fc.assert(
      fc.property(fc.constantFrom(...files), fc.array(change, { maxLength: 3 }), (file, changes) => {
        let bytes = new Uint8Array(file);
        for (const { at, byte, cut } of changes) {
          const position = at % bytes.length;
          bytes = cut && position > 20 ? bytes.slice(0, position) : bytes.with(position, byte);
        }
        try {
          for (const { shape, read } of decodeWeights(bytes).tensors) {
            // In use, a false shape is detected before values are read, because it differs from the network's.
            if (shape.reduce((product, extent) => product * extent, 1) < 1e6) read();
          }
        } catch (error) {
          if (!(error instanceof WeightsError || error instanceof SafetensorsError)) throw error;
        }
      }),
      { numRuns: 1000 },
    );
  });
});
