import { describe, expect, test } from 'vitest';
import { parseExperiment } from '../../../src/experiment/parse';
import { completionsAt } from '../../../src/insight/completions';
import { sourceFacts } from '../../support/sourceFacts';

const RUNS = [
  { id: '20261125-041233-fashion', description: 'resnet20, 92.1% · 30 epochs' },
  { id: '20261124-010203-first', description: 'resnet8, 85.0% · 2 epochs' },
];

/** Returns the completions at the bar in a text. */
function at(marked: string, fileName = 'a.experiment.yaml', hasSchemaHelp = false) {
  const offset = marked.indexOf('|');
  const text = marked.replace('|', '');
  const found = completionsAt(text, fileName, offset, {
    runs: RUNS,
    hasSchemaHelp,
    factsOf: () => sourceFacts(),
  });
  return {
    labels: found?.items.map(({ label }) => label) ?? [],
    items: found?.items ?? [],
    /** Returns the text after an item is accepted, with its tab stops filled with their defaults. */
    taken: (label: string) => {
      const item = found?.items.find((each) => each.label === label);
      if (!found || !item) throw new Error(`${label} is not offered`);
      return text.slice(0, found.start) + filled(item.snippet) + text.slice(found.end);
    },
  };
}

/** Expands a snippet as the editor does if every tab stop keeps its default. */
function filled(snippet: string): string {
  return snippet
    .replace(/\$\{\d+\|((?:\\.|[^,|])*)[^}]*\|\}/g, '$1')
    .replace(/\$\{\d+:((?:\\.|[^}])*)\}/g, '$1')
    .replace(/\$\d/g, '')
    .replace(/\\([\\$},])/g, '$1');
}

const HEAD = `name: typed
data: { dataset: fashion-mnist-sample, batch_size: 1024 }
model: { name: resnet20 }
`;

test('published weights are completed by their names', () => {
  const { labels, taken } = at(`${HEAD}init: { weights: | }\n`);
  expect(labels).toContain('torchvision:resnet50.IMAGENET1K_V2');
  expect(labels).toContain('timm:resnet50d.ra2_in1k');
  expect(taken('torchvision:resnet18')).toContain('init: { weights: torchvision:resnet18 }');
  expect(at(`${HEAD}init: { weights: a.pth, | }\n`).labels).toEqual(['head', 'freeze']);
  expect(at(`${HEAD}init: { weights: a.pth, head: | }\n`).labels).toEqual(['auto', 'new']);
});

describe('completion of keys in YAML', () => {
  test('offers the missing keys', () => {
    expect(at(`${HEAD}|`).labels).toEqual([
      'loss',
      'optimizer',
      'schedule',
      'tricks',
      'seed',
      'init',
      'engine',
    ]);
    expect(at(`${HEAD}opt|`).labels).toContain('optimizer');
  });

  test('follows the branch of the schema that the file is in', () => {
    expect(at(`${HEAD}optimizer:\n  name: lars\n  |`).labels).toContain('trust_coefficient');
    expect(at(`${HEAD}optimizer:\n  name: adam\n  |`).labels).not.toContain('trust_coefficient');
    expect(at(`name: a\ndata: { dataset: synthetic, | }\n`).labels).toContain('train_images');
    expect(at(`name: a\ndata: { dataset: fashion-mnist, | }\n`).labels).not.toContain('train_images');
  });

  test('writes the default, ready to be replaced', () => {
    expect(at(`${HEAD}optimizer:\n  mom|\n`).taken('momentum')).toBe(`${HEAD}optimizer:\n  momentum: 0.9\n`);
    expect(at(`${HEAD}schedule:\n  de|\n`).taken('decay')).toContain('decay: step\n');
    expect(at(`${HEAD}en|\n`).taken('engine')).toContain('engine: auto\n');
  });

  test('keeps the value of a key', () => {
    expect(at(`${HEAD}see|: 3\n`).taken('seed')).toBe(`${HEAD}seed: 3\n`);
  });

  test('offers nothing in comments and strings', () => {
    expect(at(`${HEAD}# opt|`).labels).toEqual([]);
    expect(at('name: my exp|\n').labels).toEqual([]);
  });
});

describe('completion of tricks', () => {
  test('offers fitting tricks that are not in the file, with options that fit it', () => {
    const { labels, taken } = at(`${HEAD}tricks:\n  zero_gamma: true\n  |`);
    expect(labels).toContain('warmup');
    expect(labels).not.toContain('zero_gamma');
    expect(labels).not.toContain('resnet_d');
    expect(taken('warmup')).toContain('  zero_gamma: true\n  warmup: { epochs: 5 }');
    expect(taken('sam')).toContain('\n  sam: true');
    expect(parseExperiment(taken('linear_scaling'), 'a.experiment.yaml').ok).toBe(true);
  });

  test('says what each would do, with its figures', () => {
    const warmup = at(`${HEAD}tricks:\n  w|`).items.find(({ label }) => label === 'warmup');
    expect(warmup?.detail).toBe('LR rises from 0 to 0.1 over 55 steps');
    expect(warmup?.documentation).toContain('batch 1024: 75.17 to 75.93 (+0.76)');
  });

  test('offers every trick if the rest of the file does not decide what fits', () => {
    expect(at('tricks:\n  |').labels).toContain('resnet_d');
  });
});

describe('completion of values', () => {
  test('offers names of models, data sets, decays and engines, true and false', () => {
    expect(at(`${HEAD}engine: |`).labels).toEqual(expect.arrayContaining(['auto', 'wasm', 'cpu']));
    expect(at('name: a\ndata:\n  dataset: |\n').labels).toEqual([
      ...['fashion-mnist-sample', 'fashion-mnist', 'image_folder', 'csv', 'cifar10', 'cifar100', 'idx'],
      ...['npz', 'parquet', 'webdataset', 'synthetic'],
    ]);
    expect(at('name: a\nmodel: { name: res| }\n').labels).toEqual(
      expect.arrayContaining(['resnet20', 'resnet50']),
    );
    expect(at(`${HEAD}schedule: { decay: | }\n`).labels).toContain('one_cycle');
    expect(at(`${HEAD}tricks:\n  zero_gamma: |\n`).labels).toEqual(['true', 'false']);
  });

  test('explains a data set', () => {
    expect(at('name: a\ndata:\n  dataset: |\n').items[0]?.documentation).toContain(
      '12,000 training and 2,000 validation images',
    );
  });

  test('offers finished runs where a run id belongs, under any name', () => {
    const ids = RUNS.map(({ id }) => id);
    expect(at(`${HEAD}tricks:\n  distillation:\n    teacher: |\n`).labels).toEqual(ids);
    expect(at(`${HEAD}tricks: { distillation: { teacher: "|" } }\n`).labels).toEqual(ids);
    expect(at(`${HEAD}tricks: { kd_model_name: | }\n`).labels).toEqual(ids);
    expect(at(`${HEAD}tricks:\n  distillation:\n    teacher: |\n`).taken(ids[0]!)).toContain(
      `teacher: ${ids[0]}\n`,
    );
  });
});

describe('completion in JSON', () => {
  const json = 'a.experiment.jsonc';
  const file = (rest: string) =>
    `{\n  "name": "typed", // kept, {\n  "data": { "dataset": "synthetic" },\n  "model": { "name": "resnet8" },\n${rest}}\n`;

  test('offers quoted keys, with the comma that the next one needs', () => {
    expect(at(file('  |\n'), json).labels).toContain('tricks');
    expect(at(file('  "se|"\n'), json).taken('seed')).toContain('  "seed": 1\n}');
    expect(at(file('  |\n  "seed": 1\n'), json).taken('engine')).toContain('  "engine": "auto",\n  "seed"');
    expect(at(`{\n  // note {\n  |\n}\n`, json).labels).toContain('name');
  });

  test('offers tricks and values', () => {
    const taken = at(file('  "tricks": { "|" }\n'), json).taken('warmup');
    expect(taken).toContain('"tricks": { "warmup": { "epochs": 5 } }');
    expect(parseExperiment(taken, json).ok).toBe(true);
    expect(at(file('  "engine": "|"\n'), json).taken('cpu')).toContain('"engine": "cpu"\n');
    expect(at(file('  "engine": |\n'), json).taken('cpu')).toContain('"engine": "cpu"\n');
    expect(at(file('  "tricks": { "distillation": { "teacher": "|" } }\n'), json).labels).toHaveLength(2);
  });
});

describe('completion of lists', () => {
  const head = 'name: typed\ndata:\n  dataset: image_folder\n  path: photos\n';
  const steps = ['random_resized_crop', 'padded_crop', 'flip', 'vertical_flip', 'color_jitter', 'pca_noise'];

  test('offers items by name, and the key that begins one with options', () => {
    const { labels, items, taken } = at(`${head}  augment:\n    - |\n`);
    expect(labels).toEqual([...steps, 'randaugment', 'trivialaugment', 'step']);
    expect(items[3]?.documentation).toBe('Mirrors top to bottom.');
    expect(taken('flip')).toBe(`${head}  augment:\n    - flip\n`);
    expect(taken('step')).toBe(`${head}  augment:\n    - step: random_resized_crop\n`);
    expect(at(`${head}  augment: [flip, p|]\n`).labels).toContain('pca_noise');
    expect(at(`${head}  augment: [flip, p|]\n`).taken('pca_noise')).toBe(
      `${head}  augment: [flip, pca_noise]\n`,
    );
  });

  test("offers an item's options by its kind, and its kinds", () => {
    const { labels, taken } = at(`${head}  augment:\n    - step: randaugment\n      |\n`);
    expect(labels).toEqual(['operations', 'magnitude']);
    expect(taken('magnitude')).toContain('- step: randaugment\n      magnitude: 9\n');
    expect(at(`${head}  augment:\n    - flip\n    - step: |\n`).labels).toContain('trivialaugment');
    expect(at(`${head}  augment: [{ step: flip, | }]\n`).labels).toEqual(['probability']);
  });

  test('offers them in JSON', () => {
    const json = (augment: string) =>
      `{ "name": "typed", "data": { "dataset": "image_folder", "path": "photos", "augment": ${augment} } }`;
    const file = 'a.experiment.json';
    expect(at(json('[|]'), file).taken('flip')).toBe(json('["flip"]'));
    expect(at(json('[| "flip"]'), file).taken('pca_noise')).toBe(json('["pca_noise", "flip"]'));
    expect(at(json('["flip", "|"]'), file).taken('pca_noise')).toBe(json('["flip", "pca_noise"]'));
    expect(at(json('[{ "step": "flip", | }]'), file).labels).toEqual(['probability']);
    expect(at(json('[{ "step": "|" }]'), file).labels).toContain('padded_crop');
  });

  test('offers nothing where items cannot be listed', () => {
    expect(at('name: a\nmodel:\n  name: mlp\n  hidden: [|]\n').labels).toEqual([]);
  });

  test('fits tricks to images that are indexed', () => {
    const text = `${head}model: { name: resnet18 }\ntricks:\n  w|`;
    const warmup = at(text).items.find(({ label }) => label === 'warmup');
    expect(warmup?.detail).toBe('LR rises from 0 to 0.1 over 35 steps');
  });
});

describe('next to an extension that completes by the schema', () => {
  test('offers only runs', () => {
    expect(at(`${HEAD}|`, undefined, true).labels).toEqual([]);
    expect(at(`${HEAD}engine: |`, undefined, true).labels).toEqual([]);
    expect(at(`${HEAD}tricks:\n  |`, undefined, true).labels).toEqual([]);
    expect(at(`${HEAD}tricks: { distillation: { teacher: | } }\n`, undefined, true).labels).toHaveLength(2);
  });
});
