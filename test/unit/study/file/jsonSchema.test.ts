import { readFileSync } from 'node:fs';
import Ajv from 'ajv';
import { describe, expect, test } from 'vitest';
import { parseExperiment } from '../../../../src/experiment/parse';
import { parseDocument } from '../../../../src/experiment/text/document';
import { studyJsonSchema } from '../../../../src/study/file/jsonSchema';
import { parseStudy } from '../../../../src/study/file/parse';

const FILE = JSON.parse(readFileSync('schemas/study.schema.json', 'utf8'));
const EXAMPLE = readFileSync('examples/fashion-mnist.study.yaml', 'utf8');
const README = readFileSync('README.md', 'utf8');

/** An independent reader of JSON Schema; `strict: false` lets editors' own keywords stand. */
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

  test('leaves files that search to those who search', () => {
    expect(accepts({ name: 's', experiment: 'e', search: { 'optimizer.base_lr': { log: [0.01, 1] } } })).toBe(
      true,
    );
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
    // A study without a budget says nothing of what it may take.
    const text =
      line === 'factors: [warmup]' ? 'name: s\nexperiment: e\nfactors: [warmup]' : [...kept, line].join('\n');
    expect(accepts(valueIn(text))).toBe(false);
  });

  test('says in words what every key is, and README names each', () => {
    const { properties } = FILE.else;
    for (const [name, { description }] of Object.entries<{ description?: string }>(properties)) {
      if (name === '$schema') continue;
      expect(description, name).toMatch(/\.$/);
      expect(README).toContain(`| \`${name}\` |`);
    }
  });
});
