import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { kerasLog } from '../../../../src/interop/output/kerasOutput';
import { readingsOfText } from './chunks';

const FOLDER = 'test/fixtures/trainers/keras';
type History = Readonly<
  Record<'loss' | 'accuracy' | 'learning_rate' | 'val_loss' | 'val_accuracy', readonly number[]>
>;
const LOGGED: Readonly<Record<'log' | 'semicolons', History>> = JSON.parse(
  readFileSync(`${FOLDER}/logged.json`, 'utf8'),
);

describe("Keras' CSVLogger", () => {
  test.each(['log', 'semicolons'] as const)('%s.csv has what `fit` returns', (name) => {
    const { loss, accuracy, learning_rate, val_loss, val_accuracy } = LOGGED[name];
    expect(loss).toHaveLength(4);
    expect(readingsOfText(kerasLog(), readFileSync(`${FOLDER}/${name}.csv`, 'utf8'))).toStrictEqual(
      loss.map((_, epoch) => ({
        kind: 'epoch',
        epoch,
        step: null,
        metrics: {
          accuracy: accuracy[epoch],
          learningRate: learning_rate[epoch],
          loss: loss[epoch],
          // Every second epoch has a validation.
          ...(epoch % 2 === 0
            ? {}
            : {
                validationAccuracy: val_accuracy[(epoch - 1) / 2],
                validationLoss: val_loss[(epoch - 1) / 2],
              }),
        },
      })),
    );
  });

  test('may have a tab, and other metrics', () => {
    expect(readingsOfText(kerasLog(), 'epoch\tacc\tloss\tmae\n0\t0.5\tnan\t3\n1\t0.5')).toEqual([
      {
        kind: 'epoch',
        epoch: 0,
        step: null,
        metrics: { accuracy: 0.5, loss: Number.NaN, other: { mae: 3 } },
      },
    ]);
  });

  test.each([
    '',
    'epoch,val_loss,loss\n0,1,2\n',
    'epochs,loss\n0,1\n',
    'loss\n1\n',
    'epoch,loss,step\n0,1,2\n',
  ])('is not %j', (text) => {
    expect(readingsOfText(kerasLog(), text)).toEqual([]);
  });
});
