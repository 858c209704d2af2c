import { describe, expect, test } from 'vitest';
import { parseExperiment } from '../../../src/experiment/parse';
import { applyEdits } from '../../../src/experiment/text/textEdits';
import { inlayHints } from '../../../src/insight/derived';
import { hoverAt } from '../../../src/insight/hovers';
import { experimentLenses, type LensSurroundings } from '../../../src/insight/lenses';
import { trickFits } from '../../../src/insight/trickFit';
import type { SourceFacts } from '../../../src/recipe/datasets';
import { sourceFacts } from '../../support/sourceFacts';

const FILE = `name: photos
data:
  dataset: image_folder
  path: photos
  batch_size: 64
model: { name: resnet18 }
optimizer: { base_lr: 0.1 }
schedule: { epochs: 20 }
tricks:
  linear_scaling: { base_batch_size: 256 }
  warmup: { epochs: 2 }
  gradient_accumulation: { batches: 4 }
  zero_gamma: true
`;

const SURROUNDINGS: LensSurroundings = { obstacle: null, lastRun: null, runs: new Map(), hidden: new Set() };
const parse = (text: string, facts: SourceFacts | null) =>
  parseExperiment(text, 'a.experiment.yaml', [], 'train', () => facts);

const titlesOf = (text: string, facts: SourceFacts | null, surroundings: Partial<LensSurroundings> = {}) =>
  experimentLenses(parse(text, facts), { ...SURROUNDINGS, ...surroundings }).map((lens) => {
    const { title, action } = lens.face();
    return { text: `${lens.line + 1} ${title}`, action: action.type };
  });

const hintsOf = (text: string, facts: SourceFacts | null, warnings = 0) =>
  inlayHints(parse(text, facts), warnings).map(({ position, text: hint }) => `${position.line + 1} ${hint}`);

/** Returns the effect text of each trick, or null if it depends on the images. */
const effectsOf = (text: string, facts: SourceFacts | null) =>
  Object.fromEntries(trickFits(parse(text, facts)).map(({ trick, effect }) => [trick.name, effect()]));

describe('a file whose images are not indexed', () => {
  test('can be run, is to be indexed, and has the tricks without what depends on the images', () => {
    const lenses = titlesOf(FILE, null);
    expect(lenses.filter(({ action }) => action === 'run')).toEqual([{ text: '1 Run', action: 'run' }]);
    expect(lenses.filter(({ action }) => action === 'indexData')).toEqual([
      { text: '2 Index the data', action: 'indexData' },
    ]);
    const texts = lenses.map(({ text }) => text);
    expect(texts).toContain('7 Remove linear scaling');
    expect(texts).toContain('8 Remove warmup');
    expect(texts.join()).not.toMatch(/Recipe|memory|\d steps|Samples/i);
    // ResNet-18 has eight blocks, whatever the images.
    expect(effectsOf(FILE, null).zero_gamma).toBe('8 residual blocks start as their shortcut');
    expect(effectsOf(FILE, null).linear_scaling).toBe('0.1 at 256 gives 0.1 at 256');
    expect(effectsOf(FILE, null).warmup).toBeNull();
    expect(texts).toContain('6 Remove zero gamma');
  });

  test('shows no number that depends on the images behind those it writes', () => {
    expect(hintsOf(FILE, null)).toEqual([]);
    expect(hintsOf(FILE.replace('batches: 4', 'batches: 8'), null)).toEqual(['7 = scaled to 0.2']);
    const hover = hoverAt(parse(FILE, null), FILE.indexOf('warmup:') + 1, new Map(), false);
    expect(hover?.parts.join()).not.toMatch(/\d steps/);
  });

  test('inserts options of a trick that do not depend on the images', () => {
    const inserted = (name: string, facts: SourceFacts | null) => {
      const fit = trickFits(parse(FILE, facts)).find(({ trick }) => trick.name === name);
      const result = fit?.toggle();
      if (!result?.ok) throw new Error(`${name} was not inserted`);
      return applyEdits(FILE, result.edits)
        .split('\n')
        .find((line) => line.includes(name));
    };
    // The decay follows from the training's steps, 3 per epoch.
    expect(inserted('ema', sourceFacts())).toMatch(/ema: \{ decay: 0\.9 \}/);
    expect(inserted('ema', null)).toBe('  ema: true');
  });

  test('compares nothing, and refuses an option that is never valid', () => {
    const warmup = trickFits(parse(FILE, null)).find(({ trick }) => trick.name === 'warmup');
    expect(warmup?.recipes()).toBeNull();
    expect(warmup?.memory()).toBeNull();
    expect(warmup?.configure('epochs', 3).ok).toBe(true);
    const refused = warmup?.configure('epochs', 30);
    expect(refused?.ok === false && refused.reason).toContain('longer than the training of 20');
  });

  test('shows no problem that only the images could reveal', () => {
    const unknown = FILE.replace('resnet18', 'vgg16_bn');
    expect(parse(unknown, null)).toMatchObject({ ok: false, problems: [] });
    expect(titlesOf(unknown, null).map(({ text }) => text)).toContain('2 Index the data');
    expect(hintsOf(unknown, null)).toEqual([]);
  });

  test('shows the problem of its own image_size, whatever the images are', () => {
    const small = FILE.replace('batch_size', 'image_size: 4\n  batch_size').replace('resnet18', 'vgg16_bn');
    expect(parse(small, null)).toMatchObject({
      ok: false,
      problems: [{ what: 'vgg16_bn cannot take images of 4 x 4.', path: ['model', 'name'] }],
    });
    expect(titlesOf(small, null).map(({ text }) => text)).toContain('2 Index the data');
    expect(hintsOf(small, null)).toEqual([]);
  });

  test('offers no indexing if nothing can be run', () => {
    const lenses = titlesOf(FILE, null, { obstacle: 'untrusted' });
    expect(lenses.some(({ action }) => action === 'indexData')).toBe(false);
  });
});

describe('a file whose images are indexed', () => {
  test('has lenses for what is known of them', () => {
    const lenses = titlesOf(FILE, sourceFacts());
    expect(lenses.filter(({ action }) => action === 'showData' || action === 'showSamples')).toEqual([
      { text: '2 Data', action: 'showData' },
      { text: '2 Augmented samples', action: 'showSamples' },
    ]);
    expect(lenses.map(({ text }) => text)).toContain('1 Recipe');
  });

  test('has room for fewer tricks on the line of the images', () => {
    const flow = FILE.replace(/data:[\s\S]*model/, 'data: { dataset: image_folder, path: photos }\nmodel');
    const onLine = titlesOf(flow, sourceFacts()).filter(({ text }) => text.startsWith('2 '));
    expect(onLine.map(({ action }) => action)).toEqual([
      'showData',
      'showSamples',
      'removeTrick',
      'pickTrick',
    ]);
  });

  test('describes them after their path, with the number of warnings', () => {
    expect(hintsOf(FILE, sourceFacts())[0]).toBe('4 900 + 100 images, 2 classes, short edge 420 (median)');
    const square = { min: 32, p05: 32, median: 32, p95: 32, max: 32 };
    const facts = sourceFacts({ testImages: 10_000, shortEdge: square });
    expect(hintsOf(FILE, facts, 2)[0]).toBe(
      '4 900 + 100 + 10,000 images, 2 classes, short edge 32, 2 warnings',
    );
    // 3 effective batches of 256 from 900 images.
    expect(hintsOf(FILE, sourceFacts())).toContain('5 = effective batch 256, 3 steps per epoch');
  });

  test('keeps what is known of them when an option is tried', () => {
    const warmup = trickFits(parse(FILE, sourceFacts())).find(({ trick }) => trick.name === 'warmup');
    const refused = warmup?.configure('epochs', 30);
    expect(refused?.ok === false && refused.reason).toContain('longer than the training of 20');
  });

  test('explains augmentation steps on hover', () => {
    const text = FILE.replace('batch_size', 'augment: [vertical_flip, { step: pca_noise }]\n  batch_size');
    const hover = (word: string) =>
      hoverAt(parse(text, sourceFacts()), text.indexOf(word) + 1, new Map(), false)?.parts.join(' ');
    expect(hover('vertical_flip')).toContain('Mirrors top to bottom.');
    expect(hover('pca_noise')).toContain('principal components');
  });
});
