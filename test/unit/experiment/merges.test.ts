import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { insertTrick, removeTrick, setOption } from '../../../src/experiment/edits';
import { parseExperiment } from '../../../src/experiment/parse';
import { parseDocument } from '../../../src/experiment/text/document';
import { applyEdits, type EditResult } from '../../../src/experiment/text/textEdits';
import { completionsAt } from '../../../src/insight/completions';
import { hoverAt } from '../../../src/insight/hovers';
import { experimentLenses } from '../../../src/insight/lenses';
import { quickFixes } from '../../../src/insight/quickFixes';
import { valueAt } from '../../../src/shared/values';

const FILE = `name: merged
data: { dataset: synthetic, batch_size: 64 }
model: { name: resnet8 }
optimizer: { base_lr: 0.1 }
tricks:
  warmup: &ramp { epochs: 2 }
  ema: { <<: { decay: 0.99 } }
schedule:
  <<: *ramp
  decay: cosine
`;

const TRICKS = FILE.replace(
  /tricks:[\s\S]*schedule:/,
  `tricks:
  warmup: &ramp
    epochs: 2
    count_from: 1
  cosine_decay: false
schedule:`,
).replace('  <<: *ramp\n', '  epochs: 9\n');

function done(text: string, result: EditResult): string {
  if (!result.ok) throw new Error(result.reason);
  return applyEdits(text, result.edits);
}

function problemsOf(text: string, name = 'a.yaml') {
  const parsed = parseExperiment(text, name);
  return parsed.ok
    ? []
    : parsed.problems.map(
        ({ what, range }) => `${range.start.line + 1}:${range.start.character + 1} ${what}`,
      );
}

describe('a merge key of YAML', () => {
  test('adds the keys that the mapping lacks, from an alias, a mapping or a list of them', () => {
    const parsed = parseExperiment(FILE, 'a.yaml');
    expect(parsed.ok && [parsed.experiment.schedule.epochs, parsed.experiment.tricks.ema]).toMatchObject([
      2,
      { decay: 0.99 },
    ]);
    const listed = FILE.replace('<<: *ramp', '<<: [*ramp, { update: epoch, epochs: 7 }]');
    const both = parseExperiment(listed, 'a.yaml');
    expect(both.ok && both.experiment.schedule).toMatchObject({ epochs: 2, update: 'epoch' });
  });

  test('reports problems of an alias at the alias, and of a mapping at the mapping', () => {
    const wrong = FILE.replace('epochs: 2', 'epochs: 2, count_from: 1');
    expect(problemsOf(wrong)).toEqual(['9:7 Unknown key count_from.']);
    expect(problemsOf(FILE.replace('decay: 0.99', 'decay: 2'))).toEqual([
      '7:23 tricks.ema.decay must be less than 1, not 2.',
    ]);
  });

  test.each([
    ['<<: 5', '9:7 << merges a mapping, but this is not a mapping.'],
    ['<<: [*ramp, 3]', '9:15 << merges a mapping, but this is not a mapping.'],
    ['<<: *other', '9:7 The alias *other has no anchor before it.'],
    ['<<:', '9:6 << merges a mapping, but this is not a mapping.'],
  ])('that merges something else is a problem at its place: %s', (merge, expected) => {
    expect(problemsOf(FILE.replace('<<: *ramp', merge))).toEqual([expected]);
  });

  test('is an ordinary key in JSON and in quotes', () => {
    const json =
      '{ "name": "a", "data": { "dataset": "synthetic" }, "model": { "name": "resnet8" }, "<<": {} }';
    expect(problemsOf(json, 'a.json')).toEqual(['1:84 Unknown key <<.']);
    expect(problemsOf(FILE.replace('<<: *ramp', '"<<": *ramp'))).toEqual(['9:3 Unknown key <<.']);
  });

  test.each([
    ['itself', 'a: &a { b: { <<: *a } }'],
    ['much again and again', mergesOfMerges()],
  ])('that merges %s is refused, not followed', (_, text) => {
    expect(problemsOf(text)[0]).toContain('The aliases in this file expand to too much content.');
  });
});

function mergesOfMerges(): string {
  const lines = Array.from({ length: 9 }, (_, depth) => {
    const sources = Array.from({ length: 10 }, () => `*m${depth}`).join(', ');
    return `m${depth + 1}: &m${depth + 1} { <<: [${sources}], k${depth}: 1 }`;
  });
  return ['m0: &m0 { a: 1 }', ...lines].join('\n');
}

describe('an edit of merged content', () => {
  const merged = `${TRICKS}`.replace(
    '  cosine_decay: false\n',
    '  cosine_decay: false\n  <<: { ema: { decay: 0.9 } }\n',
  );

  test('writes it where it is merged, and leaves the anchor alone', () => {
    const edited = done(FILE, parseDocument(FILE, 'a.yaml').setIn(['schedule', 'epochs'], 9));
    expect(edited).toBe(`${FILE}  epochs: 9\n`);
    expect(problemsOf(edited)).toEqual([]);
  });

  test('writes the whole trick if one of its options is set', () => {
    const edited = done(merged, setOption(parseDocument(merged, 'a.yaml'), 'ema', 'every', 3));
    expect(valueAt(parseDocument(edited, 'a.yaml').value, ['tricks', 'ema'])).toEqual({
      decay: 0.9,
      every: 3,
    });
    expect(edited).toContain('<<: { ema: { decay: 0.9 } }\n');
  });

  test('disables a trick that it cannot remove', () => {
    const edited = done(merged, removeTrick(parseDocument(merged, 'a.yaml'), 'ema'));
    expect(valueAt(parseDocument(edited, 'a.yaml').value, ['tricks', 'ema'])).toBe(false);
  });

  test('inserts tricks beside merged ones', () => {
    for (const text of [FILE, merged]) {
      const edited = done(text, insertTrick(parseDocument(text, 'a.yaml'), 'mixup', { alpha: 0.3 }));
      expect(problemsOf(edited)).toEqual([]);
      expect(valueAt(parseDocument(edited, 'a.yaml').value, ['tricks', 'mixup'])).toEqual({ alpha: 0.3 });
    }
  });
});

test('the editor works at every position of a file with merge keys, and of any piece of it', () => {
  const runs = new Map();
  const look = (text: string, offset: number) => {
    const parsed = parseExperiment(text, 'a.experiment.yaml');
    experimentLenses(parsed, { obstacle: null, lastRun: null, runs, hidden: new Set() });
    for (const fix of quickFixes(parsed, [])) fix.edits();
    hoverAt(parsed, offset, runs, false);
    completionsAt(text, 'a.experiment.yaml', offset, { runs: [], hasSchemaHelp: false });
  };
  for (let offset = 0; offset <= FILE.length; offset += 7) look(FILE, offset);
  fc.assert(
    fc.property(
      fc.nat(FILE.length),
      fc.nat(20),
      fc.constantFrom('', '<<: ', '*ramp', '&a ', '{', '}'),
      (at, cut, put) => {
        look(FILE.slice(0, at) + put + FILE.slice(at + cut), at);
      },
    ),
    { numRuns: 25 },
  );
});
