import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseExperiment } from '../../../src/experiment/parse';
import { applyEdits } from '../../../src/experiment/text/textEdits';
import { type TrickFit, trickFits } from '../../../src/insight/trickFit';
import { ALL_TRICKS } from '../../../src/tricks/registry';
import { experimentFile, type GeneratedFile } from '../experiment/documents';

/** Selects one of the offered tricks. */
const draw = fc.nat({ max: 1000 });

/** Returns the name of one trick that the lenses offer to insert and that does not occur in the file yet. */
function offeredIn(text: string, fileName: string, drawn: number): string {
  const offered = trickFits(parseExperiment(text, fileName)).filter(
    // A disabled trick would be enabled in place.
    ({ trick, isIn }) => !isIn && !text.includes(trick.name),
  );
  const name = offered[drawn % offered.length]?.trick.name;
  if (name === undefined) throw new Error(`No trick is offered in ${text}`);
  return name;
}

/** Whether a file is block-style YAML that ends with a line break. */
function isInBlocks({ fileName, text }: GeneratedFile): boolean {
  return fileName.endsWith('.yaml') && /\n$/.test(text);
}

function fitIn(text: string, fileName: string, name: string): TrickFit | undefined {
  return trickFits(parseExperiment(text, fileName)).find(({ trick }) => trick.name === name);
}

/**
 * Returns the text after a click on the trick's lens. Returns null, never a changed text, if the lens says why it
 * cannot.
 */
function clicked(text: string, fileName: string, name: string): string | null {
  const result = fitIn(text, fileName, name)?.toggle();
  if (!result) throw new Error(`${name} has no lens`);
  if (!result.ok) expect(result.reason).not.toBe('');
  return result.ok ? applyEdits(text, result.edits) : null;
}

/** Whether the lines of `shorter` all occur in `longer`, in the same order. */
function isWithin(shorter: string, longer: string): boolean {
  const kept = longer.split(/\r?\n/);
  let from = 0;
  return shorter.split(/\r?\n/).every((line) => {
    from = kept.indexOf(line, from) + 1;
    return from > 0;
  });
}

describe('every offered trick', () => {
  test('can be inserted into any file and removed again, which restores the file', () => {
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

  test('gives a file that can run, except for what only a person knows', () => {
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
        // Below the last key, in the same column.
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
        // A mapping in braces grows on its own line.
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
  ])('%j says why and is not changed', (text) => {
    for (const fit of trickFits(parseExperiment(text, 'a.experiment.yaml'))) {
      const result = fit.toggle();
      expect(result.ok).toBe(false);
      if (!result.ok) expect(result.reason).toMatch(/\w+.*\.$/);
    }
  });
});
