import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseExperiment } from '../../../src/experiment/parse';
import { applyEdits } from '../../../src/experiment/text/textEdits';
import { type TrickFit, trickFits } from '../../../src/insight/trickFit';
import { ALL_TRICKS } from '../../../src/tricks/registry';
import { experimentFile, type GeneratedFile } from '../experiment/documents';

/** Which of the tricks that are offered is taken. */
const draw = fc.nat({ max: 1000 });

/** One of the tricks that a file's lenses offer to insert, by its name, which the file does not hold yet. */
function offeredIn(text: string, fileName: string, drawn: number): string {
  const offered = trickFits(parseExperiment(text, fileName)).filter(
    // One that is switched off is switched on in its place.
    ({ trick, isIn }) => !isIn && !text.includes(trick.name),
  );
  const name = offered[drawn % offered.length]?.trick.name;
  if (name === undefined) throw new Error(`No trick is offered in ${text}`);
  return name;
}

/** Whether a file is YAML in block style that ends with a line break. */
function isInBlocks({ fileName, text }: GeneratedFile): boolean {
  return fileName.endsWith('.yaml') && /\n$/.test(text);
}

function fitIn(text: string, fileName: string, name: string): TrickFit | undefined {
  return trickFits(parseExperiment(text, fileName)).find(({ trick }) => trick.name === name);
}

/** The text after the trick's lens is clicked; null, and never another text, where it says why it cannot. */
function clicked(text: string, fileName: string, name: string): string | null {
  const result = fitIn(text, fileName, name)?.toggle();
  if (!result) throw new Error(`${name} has no lens`);
  if (!result.ok) expect(result.reason).not.toBe('');
  return result.ok ? applyEdits(text, result.edits) : null;
}

/** Whether two texts have the same lines in the same order, but for those of `longer` alone. */
function isWithin(shorter: string, longer: string): boolean {
  const kept = longer.split(/\r?\n/);
  let from = 0;
  return shorter.split(/\r?\n/).every((line) => {
    from = kept.indexOf(line, from) + 1;
    return from > 0;
  });
}

describe('every trick that a lens offers', () => {
  test('goes in and out of any file, which is then as it was', () => {
    fc.assert(
      fc.property(experimentFile, draw, ({ text, fileName }, drawn) => {
        const name = offeredIn(text, fileName, drawn);
        const inserted = clicked(text, fileName, name);
        fc.pre(inserted !== null);
        expect(clicked(inserted ?? '', fileName, name)).toBe(text);
      }),
      { numRuns: 150 },
    );
  });

  test('leads to a file that can run, but for what only a person knows', () => {
    fc.assert(
      fc.property(experimentFile, draw, ({ text, fileName }, drawn) => {
        const name = offeredIn(text, fileName, drawn);
        const inserted = clicked(text, fileName, name);
        fc.pre(inserted !== null);
        const parsed = parseExperiment(inserted ?? '', fileName);
        const trick = ALL_TRICKS.find((each) => each.name === name);
        const isLeftOpen = (trick?.runOptions ?? []).length > 0;
        expect(parsed.ok || parsed.problems.map(({ path }) => path[1])).toEqual(isLeftOpen ? [name] : true);
      }),
      { numRuns: 150 },
    );
  });

  test('goes into a file with an error elsewhere and leaves the error as it is', () => {
    fc.assert(
      fc.property(experimentFile, fc.constantFrom('sede: 3', 'init: 7'), draw, (file, wrong, drawn) => {
        fc.pre(isInBlocks(file));
        const { fileName } = file;
        // Below the last key, in its column.
        const indent = /^( *)[\w"']/m.exec(file.text)?.[1] ?? '';
        const eol = file.text.includes('\r\n') ? '\r\n' : '\n';
        const text = `${file.text}${indent}${wrong}${eol}`;
        expect(parseExperiment(text, fileName).ok).toBe(false);
        const name = offeredIn(text, fileName, drawn);
        const inserted = clicked(text, fileName, name);
        fc.pre(inserted !== null);
        expect(inserted).toContain(wrong);
        expect(parseExperiment(inserted ?? '', fileName).ok).toBe(false);
        expect(clicked(inserted ?? '', fileName, name)).toBe(text);
      }),
      { numRuns: 100 },
    );
  });

  test('goes into the first document of several and leaves the others alone', () => {
    const second = '---\nname: other\ntricks:\n  x: true # kept\n';
    fc.assert(
      fc.property(experimentFile, draw, (file, drawn) => {
        fc.pre(isInBlocks(file));
        const { fileName } = file;
        const text = file.text + second;
        const name = offeredIn(text, fileName, drawn);
        const inserted = clicked(text, fileName, name);
        fc.pre(inserted !== null);
        expect(inserted?.endsWith(second)).toBe(true);
        expect(inserted?.slice(0, -second.length)).toContain(name);
        expect(clicked(inserted ?? '', fileName, name)).toBe(text);
      }),
      { numRuns: 100 },
    );
  });

  test('keeps every other line of a file in blocks, their order, the line ends and the final newline', () => {
    fc.assert(
      fc.property(experimentFile, draw, (file, drawn) => {
        fc.pre(isInBlocks(file));
        const { text, fileName } = file;
        const name = offeredIn(text, fileName, drawn);
        const inserted = clicked(text, fileName, name);
        // A mapping in braces grows in its line.
        fc.pre(inserted !== null && !/tricks["']?:[^\n]*\{/.test(text));
        expect(isWithin(text, inserted ?? '')).toBe(true);
        expect(/\r?\n$/.exec(inserted ?? '')?.[0]).toBe(/\r?\n$/.exec(text)?.[0]);
        if (text.includes('\r\n')) expect(inserted?.replaceAll('\r\n', '')).not.toContain('\n');
      }),
      { numRuns: 100 },
    );
  });
});

describe('a file that cannot be edited safely', () => {
  test.each([
    [
      'name: a\ndata: &d { dataset: synthetic }\nmodel: { name: resnet8 }\ntricks: *t\n',
      'an alias without anchor',
    ],
    [
      'x: &t { zero_gamma: true }\nname: a\ndata: { dataset: synthetic }\nmodel: { name: resnet8 }\ntricks: *t\n',
      'tricks that stand elsewhere',
    ],
  ])('%j says why and is left alone', (text) => {
    for (const fit of trickFits(parseExperiment(text, 'a.experiment.yaml'))) {
      const result = fit.toggle();
      expect(result.ok).toBe(false);
      if (!result.ok) expect(result.reason).toMatch(/\w+.*\.$/);
    }
  });
});
