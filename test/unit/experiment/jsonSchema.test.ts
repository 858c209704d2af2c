import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv';
import { describe, expect, test } from 'vitest';
import { experimentFileJsonSchema } from '../../../src/experiment/jsonSchema';
import { parseExperiment } from '../../../src/experiment/parse';
import { sourceFacts } from '../../support/sourceFacts';

const ROOT = join(__dirname, '../../..');
const FILE = JSON.parse(readFileSync(join(ROOT, 'schemas/experiment.schema.json'), 'utf8'));
const EXAMPLES = join(ROOT, 'examples');
const BAD = join(ROOT, 'test/fixtures/experiments');

/** An independent JSON Schema validator. `strict: false` permits editor-specific keywords. */
const accepts = new Ajv({ strict: false }).compile(FILE);

describe('the JSON Schema in schemas/', () => {
  test('is what `npm run schema` writes', () => {
    expect(FILE).toEqual(JSON.parse(JSON.stringify(experimentFileJsonSchema())));
  });

  test.each(readdirSync(EXAMPLES).filter((name) => name.includes('.experiment.')))('accepts %s', (name) => {
    const text = readFileSync(join(EXAMPLES, name), 'utf8');
    const { ok, document } = parseExperiment(text, name, [], 'train', () => sourceFacts());
    expect(ok).toBe(true);
    accepts(document.value);
    expect(accepts.errors).toBeNull();
  });

  test.each([
    'negative-rate.experiment.yaml',
    'unknown-keys.experiment.yaml',
    'wrong-types.experiment.jsonc',
    'wrong-choices.experiment.yaml',
    'missing-parts.experiment.yaml',
  ])('refuses %s', (name) => {
    const { document } = parseExperiment(readFileSync(join(BAD, name), 'utf8'), name);
    expect(accepts(document.value)).toBe(false);
  });

  test.each([
    ['name: a\ntrainer: { command: python train.py, system: timm }\ntricks: { mixup: true }\n', true],
    [
      'name: a\ntrainer: { command: [x], system: generic, arguments: { x: { with: -x } } }\ntricks: { x: true }\n',
      true,
    ],
    ['name: a\ntrainer: { command: x, system: timm }\nmodel: { name: cnn }\n', false],
    ['name: a\ntrainer: { command: x, system: tim }\n', false],
    ['name: a\ntrainer: { command: x, system: timm, metrics: { cvs: x } }\n', false],
    ['name: a\ntrainer: { command: x, system: timm }\ntricks: { mixup: 3 }\n', false],
  ])('judges a command experiment: %s', (text, isValid) => {
    const { document } = parseExperiment(text, 'a.experiment.yaml');
    expect(accepts(document.value)).toBe(isValid);
  });

  test('describes every part', () => {
    const { properties, title } = FILE.else;
    expect(title).toBe('Experiment');
    for (const name of ['name', 'data', 'model', 'optimizer', 'schedule', 'tricks', 'seed', 'engine']) {
      expect(properties[name].description, name).toMatch(/\.$/);
    }
    const command = FILE.then.properties;
    for (const [name, part] of Object.entries<{ description?: string }>({
      ...command,
      ...command.trainer.properties,
    })) {
      expect(part.description, name).toMatch(/\.$/);
    }
    for (const trick of Object.values<{ description?: string }>(properties.tricks.properties)) {
      expect(trick.description).toMatch(/\((.+\d{4}|timm).*\)$/);
    }
  });
});
