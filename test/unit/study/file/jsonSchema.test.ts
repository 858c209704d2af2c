import { readFileSync } from 'node:fs';
import Ajv from 'ajv';
import { describe, expect, test } from 'vitest';
import { parseExperiment } from '../../../../src/experiment/parse';
import { parseDocument } from '../../../../src/experiment/text/document';
import { studyJsonSchema } from '../../../../src/study/file/jsonSchema';
import { parseStudy } from '../../../../src/study/file/parse';
import { parseSearch } from '../../../../src/study/search/parse';

const FILE = JSON.parse(readFileSync('schemas/study.schema.json', 'utf8'));
const EXAMPLE = readFileSync('examples/fashion-mnist.study.yaml', 'utf8');
const DOCUMENT = readFileSync('docs/studies-and-searches.md', 'utf8');

/** An independent JSON Schema validator. `strict: false` permits editor-specific keywords. */
const accepts = new Ajv({ strict: false }).compile(FILE);
const valueIn = (text: string) => parseDocument(text, 'a.study.yaml').value;

describe('the JSON Schema of study files', () => {
  test('is what `npm run schema` writes', () => {
    expect(FILE).toEqual(JSON.parse(JSON.stringify(studyJsonSchema())));
  });

  test('accepts the example, which can be run as it is', () => {
    accepts(valueIn(EXAMPLE));
    expect(accepts.errors).toBeNull();
    const parsed = parseStudy(EXAMPLE, 'fashion-mnist.study.yaml', (path) => ({
      ok: true,
      parsed: parseExperiment(readFileSync(`examples/${path}`, 'utf8'), path),
    }));
    expect(parsed).toMatchObject({ ok: true, warnings: [] });
  });

  test('accepts the search that the documentation shows, and reads it with the defaults that it names', () => {
    const [, text = ''] = /```yaml\n(name: tune-lr\n[^`]*)```/.exec(DOCUMENT) ?? [];
    accepts(valueIn(text));
    expect(accepts.errors).toBeNull();
    const least =
      'name: s\nexperiment: e\nsearch: { optimizer.base_lr: { log: [0.01, 1] } }\nbudget: { trials: 4 }';
    const reading = parseSearch(least, 'a.study.yaml');
    const defaults = Object.entries<{ default?: unknown }>(FILE.then.properties).flatMap(([key, field]) =>
      field.default === undefined ? [] : [[key === 'at_once' ? 'atOnce' : key, field.default]],
    );
    expect(defaults).toHaveLength(7);
    expect(reading.ok && reading.search).toMatchObject(Object.fromEntries(defaults));
  });

  test.each([
    'search: {}',
    'search: { optimizer.base_lr: { log: [0, 1] } }',
    'search: { optimizer.base_lr: { log: [1] } }',
    'search: { optimizer.base_lr: { log: [0.1, 1], range: [0, 1] } }',
    'search: { data.batch_size: { integers: [8, 16.5] } }',
    'search: { model.width: [8] }',
    'search: { mixup: [off, { alpah: 1 }] }',
    'budget: { runs: 8 }',
    'budget: { trials: 8, hours: 1 }',
    'sampler: tpee',
    'metric: images_per_second',
    'reduction: 1',
    'seeds: 0',
    'stop: never',
  ])('refuses a search with %s, as its reader does', (line) => {
    const [key = ''] = line.split(':');
    const lines = ['name: s', 'experiment: e', 'search: { mixup: [off, on] }', 'budget: { trials: 8 }'];
    const text = (each: readonly string[]) => each.join('\n');
    expect(accepts(valueIn(text(lines)))).toBe(true);
    const wrong = text([...lines.filter((each) => !each.startsWith(`${key}:`)), line]);
    expect(accepts(valueIn(wrong))).toBe(false);
    const isReadAlone = parseSearch(wrong, 'a.study.yaml').ok;
    // A trick's options are checked together with the experiment.
    expect(isReadAlone).toBe(line.includes('alpah'));
  });

  test.each([
    'factors: [warmup]',
    'budget: { runs: 0 }',
    'budget: {}',
    'budget: { runs: 8, hours: 1 }',
    'design: fulll',
    'stop: soon',
    'smallest_effect: 0',
    'factors: [{ optimizer.weight_decay: [0.1] }]',
    'factors: [{ label_smoothing: { epsilom: 0.1 } }]',
    'budgt: 3',
  ])('refuses %s', (line) => {
    const [key = ''] = line.split(':');
    const lines = ['name: s', 'experiment: e', 'factors: [warmup, mixup]', 'budget: { runs: 8 }'];
    const kept = lines.filter((each) => !each.startsWith(`${key}:`));
    // A study without a budget does not say how many runs it may use.
    const text =
      line === 'factors: [warmup]' ? 'name: s\nexperiment: e\nfactors: [warmup]' : [...kept, line].join('\n');
    expect(accepts(valueIn(text))).toBe(false);
  });

  test('describes every key, and the documentation names each', () => {
    for (const branch of ['then', 'else']) {
      const properties: Record<string, { description?: string }> = FILE[branch].properties;
      for (const [name, { description }] of Object.entries(properties)) {
        if (name === '$schema') continue;
        expect(description, name).toMatch(/\.$/);
        if (branch === 'else') expect(DOCUMENT).toContain(`| \`${name}\` |`);
        else expect(DOCUMENT).toContain(`\n${name}: `.replace('search: ', 'search:'));
      }
    }
  });
});
