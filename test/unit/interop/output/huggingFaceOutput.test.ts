import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { huggingFaceOutput, trainerState } from '../../../../src/interop/output/huggingFaceOutput';
import { chunked, readingsOf, readingsOfText } from './chunks';

const FOLDER = 'test/fixtures/trainers/huggingFace';
const read = (name: string) => readFileSync(`${FOLDER}/${name}`, 'utf8');

type Entry = Readonly<Partial<Record<string, number>>>;
const LOGGED: Readonly<Record<'output' | 'plain', readonly Entry[]>> = JSON.parse(read('logged.json'));

/** The Trainer prints four digits. */
const rounded = (value = Number.NaN) => Number(value.toPrecision(4));

describe("the Trainer's output", () => {
  test.each(['output', 'plain'] as const)('%s.txt has what a callback got', (name) => {
    const expected = LOGGED[name].flatMap((entry): object[] => {
      // 4 steps in each of 2 epochs, of which every second is logged.
      const epoch = Math.floor(((entry.step ?? 0) - 1) / 4);
      if (entry.eval_loss !== undefined)
        return [
          {
            kind: 'epoch',
            epoch,
            step: null,
            metrics: {
              validationLoss: rounded(entry.eval_loss),
              validationAccuracy: rounded(entry.eval_accuracy),
            },
          },
        ];
      if (entry.loss === undefined) return [];
      return [
        {
          kind: 'step',
          step: null,
          epoch,
          metrics: {
            loss: rounded(entry.loss),
            learningRate: rounded(entry.learning_rate),
            other: { grad_norm: rounded(entry.grad_norm) },
          },
        },
      ];
    });
    expect(expected).toHaveLength(6);
    expect(readingsOfText(huggingFaceOutput(), read(`${name}.txt`))).toEqual(expected);
  });

  test('of version 4 has numbers without quotes', () => {
    const text =
      "{'loss': nan, 'grad_norm': 1.5, 'learning_rate': 5e-05, 'epoch': 0.67}\n{'eval_loss': 0.25, 'eval_accuracy': 0.75, 'eval_runtime': 1.2, 'epoch': 1.0}\n";
    expect(readingsOfText(huggingFaceOutput(), text)).toEqual([
      {
        kind: 'step',
        step: null,
        epoch: 0,
        metrics: { loss: Number.NaN, learningRate: 5e-5, other: { grad_norm: 1.5 } },
      },
      { kind: 'epoch', epoch: 0, step: null, metrics: { validationLoss: 0.25, validationAccuracy: 0.75 } },
    ]);
  });

  test('in the middle of an epoch evaluates steps', () => {
    expect(readingsOfText(huggingFaceOutput(), "{'eval_loss': 0.5, 'epoch': 1.5}")).toEqual([
      { kind: 'step', step: null, epoch: 1, metrics: { validationLoss: 0.5 } },
    ]);
  });

  test.each([
    "{'train_runtime': '0.015', 'train_loss': '1.084', 'epoch': '2'}",
    "{'loss': 0.5}",
    "{'loss': 0.5, 'epoch': [1]}",
    "{'loss': 0.5, 'epoch': 1",
    '{"loss": 0.5, "epoch": 1}',
    "{'a': 'it''s', 'loss': 1, 'epoch': 1}",
  ])('gives nothing for %s', (line) => {
    expect(readingsOfText(huggingFaceOutput(), line)).toEqual([]);
  });

  test('gives the same readings for any chunks, and no error for garbage', () => {
    const bytes = new TextEncoder().encode(read('output.txt'));
    const whole = readingsOf(huggingFaceOutput(), bytes);
    fc.assert(
      fc.property(fc.infiniteStream(fc.integer({ min: 1, max: 99 })), fc.string(), (sizes, garbage) => {
        expect(readingsOf(huggingFaceOutput(), ...chunked(bytes, sizes))).toEqual(whole);
        readingsOfText(huggingFaceOutput(), `{'loss': 1, 'epoch': 1, '${garbage}': '${garbage}'}`);
      }),
    );
  });
});

describe('trainer_state.json', () => {
  test('has the length, the evaluations with all digits, and the checkpoint that it is in', () => {
    const evaluations = LOGGED.plain.filter(({ eval_loss }) => eval_loss !== undefined);
    expect(evaluations).toHaveLength(2);
    expect(
      readingsOfText(trainerState('out/checkpoint-8/trainer_state.json'), read('trainer_state.json')),
    ).toEqual([
      { kind: 'length', totalSteps: 8, epochs: 2 },
      ...evaluations.map((entry, epoch) => ({
        kind: 'epoch',
        epoch,
        step: 4 * (epoch + 1),
        metrics: { validationLoss: entry.eval_loss, validationAccuracy: entry.eval_accuracy },
      })),
      { kind: 'checkpoint', path: 'out/checkpoint-8' },
    ]);
  });

  test('at the end of a training is in no checkpoint', () => {
    const readings = readingsOfText(trainerState('out/trainer_state.json'), read('trainer_state.json'));
    expect(readings.some(({ kind }) => kind === 'checkpoint')).toBe(false);
  });

  test('may have a loss that is not a number', () => {
    const text = '{"log_history": [{"epoch": 1.0, "eval_loss": NaN, "step": 3}], "name": "NaN"}';
    expect(readingsOfText(trainerState(), text)).toEqual([
      { kind: 'epoch', epoch: 0, step: 3, metrics: { validationLoss: Number.NaN } },
    ]);
  });

  test('that is unfinished, or another file, gives nothing', () => {
    const text = read('trainer_state.json').trim();
    for (let length = 0; length < text.length; length += 7)
      expect(readingsOfText(trainerState(), text.slice(0, length))).toEqual([]);
    expect(readingsOfText(trainerState(), '{"log_history": 3}')).toEqual([]);
    expect(readingsOfText(trainerState(), '{"log_history": [3, null, []]}')).toEqual([]);
  });
});
