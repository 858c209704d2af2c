import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseTable } from '../../../../src/interop/output/csvTable';
import { namedColumns, namedGroups, patternProblem } from '../../../../src/interop/output/namedColumns';
import { csvText } from '../../../../src/shared/csv';
import { readingsOfText } from './chunks';

describe('columns that a person named', () => {
  const names = { epoch: 'Epoch', loss: 'train loss', validation_accuracy: 'acc', learning_rate: 'lr' };

  test('are metrics, with the units and the first epoch that the person gave', () => {
    const reader = namedColumns({ names, percent: true, firstEpoch: 1 });
    const text = 'Epoch,train loss,acc,lr,note,seconds\n1,0.5,75,0.1,warm,3\r\n2,nan,NA,0.05,,4\n3,0.1';
    expect(readingsOfText(reader, text)).toStrictEqual([
      {
        kind: 'epoch',
        epoch: 0,
        step: null,
        metrics: { loss: 0.5, validationAccuracy: 0.75, learningRate: 0.1, other: { seconds: 3 } },
      },
      {
        kind: 'epoch',
        epoch: 1,
        step: null,
        metrics: { loss: Number.NaN, learningRate: 0.05, other: { seconds: 4 } },
      },
    ]);
  });

  test('with a step are of the step, unless they are of a validation', () => {
    const reader = namedColumns({ names: { ...names, step: 'i' }, percent: false, firstEpoch: 0 });
    expect(readingsOfText(reader, 'i;Epoch;train loss;acc\n9;0;0.5;\n19;1;;0.25\n29;;0.4;\n')).toStrictEqual([
      { kind: 'step', step: 9, epoch: 0, metrics: { loss: 0.5 } },
      { kind: 'epoch', epoch: 1, step: 20, metrics: { validationAccuracy: 0.25 } },
      { kind: 'step', step: 29, epoch: null, metrics: { loss: 0.4 } },
    ]);
  });

  test.each([',', ';', '\t', '|', ' '])('are found with the separator %j', (separator) => {
    const reader = namedColumns({ names: { loss: 'a', step: 's' }, percent: false, firstEpoch: 0 });
    const text = `s,a\n0,1\n`.replaceAll(',', separator);
    expect(readingsOfText(reader, text)).toEqual([
      { kind: 'step', step: 0, epoch: null, metrics: { loss: 1 } },
    ]);
  });

  test('of a file with 200,000 rows are all read', () => {
    const reader = namedColumns({ names: { step: 's', loss: 'a' }, percent: false, firstEpoch: 0 });
    const rows = Array.from({ length: 200_000 }, (_, step) => `${step},0.5,"x",7\n`);
    expect(readingsOfText(reader, `s,a,note,b\n${rows.join('')}`)).toHaveLength(200_000);
  });

  test('that are not in the file give nothing', () => {
    const reader = namedColumns({ names, percent: false, firstEpoch: 0 });
    expect(readingsOfText(reader, 'a,b\n1,2\n')).toEqual([]);
    expect(readingsOfText(reader, '')).toEqual([]);
  });

  test('an accuracy out of its range keeps its name, so that a wrong unit shows', () => {
    const reader = namedColumns({ names: { epoch: 'e', accuracy: 'a' }, percent: false, firstEpoch: 0 });
    expect(readingsOfText(reader, 'e,a\n0,85\n')).toEqual([
      { kind: 'epoch', epoch: 0, step: null, metrics: { other: { a: 85 } } },
    ]);
  });

  test('garbage gives no error, and no unfinished row', () => {
    const reader = namedColumns({ names: { epoch: 'e', loss: 'l' }, percent: false, firstEpoch: 0 });
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('e', 'l', ',', '"', '\n', '\r', '1', ';') }), (text) => {
        const readings = readingsOfText(reader, `e,l\n${text}`);
        expect(readings.length).toBeLessThanOrEqual(text.split(/[\n\r]/).length - 1);
      }),
    );
  });
});

test('a CSV file has the cells that were written, with any separator', () => {
  const cell = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', 'é', ' ', '1') });
  const rows = fc.array(
    fc.array(
      cell.filter((text) => text !== ''),
      { minLength: 2, maxLength: 4 },
    ),
    { minLength: 1 },
  );
  fc.assert(
    fc.property(rows, (written) => {
      const { header, rows: others } = parseTable(csvText(written), ',');
      expect([header, ...others]).toEqual(written);
    }),
  );
});

describe('named groups', () => {
  test('of a pattern are metrics', () => {
    const reader = namedGroups(
      String.raw`ep (?<epoch>\d+)(?: it (?<step>\d+))? loss (?<loss>\S+)(?: top1 (?<validation_accuracy>[\d.]+)%)?(?: gn (?<gn>\S+))?`,
      true,
      1,
    );
    const text =
      'start\nep 1 it 5 loss 2.5 gn 0.5\nep 1 loss nan top1 50.5%\nep 2 it 19 loss inf top1 100%\n';
    expect(readingsOfText(reader, text)).toStrictEqual([
      { kind: 'step', step: 5, epoch: 0, metrics: { loss: 2.5, other: { gn: 0.5 } } },
      { kind: 'epoch', epoch: 0, step: null, metrics: { loss: Number.NaN, validationAccuracy: 0.505 } },
      {
        kind: 'epoch',
        epoch: 1,
        step: 20,
        metrics: { loss: Number.POSITIVE_INFINITY, validationAccuracy: 1 },
      },
    ]);
  });

  test('of a pattern with an error read nothing, and the error is named', () => {
    expect(readingsOfText(namedGroups('(?<loss>', false, 0), 'loss\n')).toEqual([]);
    expect(patternProblem('(?<loss>')?.what).toBe(
      'Character 1 of the pattern: this parenthesis has no closing one',
    );
    expect(patternProblem('(?<a>x)')?.what).toBe('The pattern has no group with the name of a metric.');
    expect(patternProblem('(?<loss>x)')).toBeNull();
  });

  test('of 100,000 lines are all found', () => {
    const reader = namedGroups(String.raw`step (?<step>\d+) loss (?<loss>[\d.]+)`, false, 0);
    if (reader.from !== 'lines') throw new Error('not a reader of lines');
    let readings = 0;
    for (let step = 0; step < 100_000; step++) readings += reader.read(`step ${step} loss 0.5`).length;
    expect(readings).toBe(100_000);
  });
});
