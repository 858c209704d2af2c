/** Files built to be slow or to overflow the stack are read or refused. test/attack/slowFiles.ts times them. */
import { describe, expect, test } from 'vitest';
import { parseExperiment } from '../../../src/experiment/parse';
import { completionsAt } from '../../../src/insight/completions';
import { foreignFits } from '../../../src/insight/foreignFits';
import { hoverAt } from '../../../src/insight/hovers';
import { experimentLenses } from '../../../src/insight/lenses';
import { quickFixes } from '../../../src/insight/quickFixes';
import { decodeNpyHeader } from '../../../src/shared/npy';
import { PickleError, readPickle } from '../../../src/shared/pickle/pickle';
import { decodeSafetensors, SafetensorsError } from '../../../src/shared/safetensors';
import { decodeWeights } from '../../../src/weights/weightsFile';
import { formatFiles, textFiles } from '../../support/hostileFiles';
import { processorClock } from '../../support/processorTime';

/** Processor time, far above that of the slowest file, and far below that without limits. */
const BOUND_MS = 15_000;

const files = textFiles();
const runs = new Map();

describe('an experiment of', () => {
  test.each(files.filter(({ name }) => name.includes('.experiment.')))(
    '$what is read or refused ($name)',
    (file) => {
      const text = file.text();
      const usedMs = processorClock();
      const parsed = parseExperiment(text, file.name);
      expect(parsed.ok || parsed.problems[0]?.what).toBeTruthy();
      experimentLenses(parsed, { obstacle: null, lastRun: null, runs, hidden: new Set() });
      quickFixes(parsed, []);
      hoverAt(parsed, text.length - 2, runs, false);
      completionsAt(text, file.name, text.length, { runs: [], hasSchemaHelp: false });
      expect(usedMs()).toBeLessThan(BOUND_MS);
    },
  );

  test('more than 80,000 words and marks is refused, and says so', () => {
    const text = `name: a\n${Array.from({ length: 20_000 }, (_, index) => `key${index}: 1`).join('\n')}`;
    for (const name of ['a.experiment.yaml', 'a.experiment.json']) {
      const parsed = parseExperiment(name.endsWith('json') ? `[${'1,'.repeat(60_000)}1]` : text, name);
      expect(!parsed.ok && parsed.problems.map(({ what }) => what)).toEqual([
        'The file has more than 80000 tokens.',
      ]);
    }
  });

  test('10,000 keys has a problem for each, at its place', () => {
    const text = Array.from({ length: 10_000 }, (_, index) => `key${index}: 1`).join('\n');
    const parsed = parseExperiment(text, 'a.experiment.yaml');
    const last = !parsed.ok && parsed.problems.at(-1);
    expect(last).toMatchObject({
      what: 'Unknown key key9999.',
      range: { start: { line: 9999, character: 0 } },
    });
  });
});

describe("another system's file of", () => {
  test.each(files.filter(({ name }) => !name.includes('.experiment.')))(
    '$what is read or left alone ($name)',
    (file) => {
      const text = file.text();
      const usedMs = processorClock();
      const fits = foreignFits(text, file.name);
      fits?.fitsAt(text.length - 2);
      for (const fit of fits?.fits ?? []) fits?.placeOf(fit);
      expect(usedMs()).toBeLessThan(BOUND_MS);
    },
  );
});

describe('a weights file or array:', () => {
  const readers = { decodeNpyHeader, readPickle, decodeSafetensors, decodeWeights };
  test.each(formatFiles())('$what is read or refused with a reason', ({ reader, bytes }) => {
    const file = bytes();
    const usedMs = processorClock();
    try {
      readers[reader](file as Uint8Array<ArrayBuffer>);
    } catch (error) {
      expect(error).not.toBeInstanceOf(RangeError);
      expect((error as Error).message.length).toBeLessThan(2000);
    }
    expect(usedMs()).toBeLessThan(BOUND_MS);
  });

  test('errors name what is wrong', () => {
    expect(() => decodeSafetensors(Buffer.from('ffffffffffffff00', 'hex'))).toThrow(SafetensorsError);
    expect(() => readPickle(Buffer.from('('))).toThrow(PickleError);
  });
});
