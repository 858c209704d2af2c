import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { modelRows, trickOptionRows, withCommandTables, withTables } from '../../../scripts/lib/docs.mjs';
import { commandJsonSchema, experimentJsonSchema } from '../../../src/experiment/jsonSchema';
import * as spec from '../../../src/experiment/modelSpec';
import * as schema from '../../../src/experiment/schema';
import { problemsOf } from '../../../src/insight/study/problems';
import { parseAnyExperiment } from '../../../src/interop/command/parse';
import { jsonLines } from '../../../src/interop/output/jsonLines';
import * as catalog from '../../../src/models/catalog';
import * as graph from '../../../src/models/graph';
import { AUGMENTATION_PRESETS } from '../../../src/recipe/augmentation';
import { parseStudy } from '../../../src/study/file/parse';
import { ALL_TRICKS } from '../../../src/tricks/registry';
import { readingsOfText } from '../interop/output/chunks';

const read = (name = 'experiment-file') => readFile(join(__dirname, `../../../docs/${name}.md`), 'utf8');

const yamlIn = (document: string) =>
  [...document.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = '']) => text);

interface Node {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly anyOf?: readonly Node[];
  readonly oneOf?: readonly Node[];
  readonly items?: Node | readonly Node[];
  readonly const?: unknown;
}

/** Every key of a JSON Schema with its path, e.g. `data.split.seed`. */
function keysOf(node: Node, path: readonly string[] = []): { path: string; node: Node }[] {
  const below = [...(node.anyOf ?? []), ...(node.oneOf ?? []), ...[node.items ?? []].flat()];
  return [
    ...Object.entries(node.properties ?? {}).flatMap(([name, child]) => [
      { path: [...path, name].join('.'), node: child },
      ...keysOf(child, [...path, name]),
    ]),
    ...below.flatMap((each) => keysOf(each, path)),
  ];
}

test('docs/experiment-file.md has the tables that `npm run docs` writes', async () => {
  const document = await read();
  const tables = {
    schema: experimentJsonSchema(),
    tricks: ALL_TRICKS,
    presets: AUGMENTATION_PRESETS,
    models: modelRows({ schema, spec, catalog, graph }),
  };
  expect(document).toBe(withTables(document, tables));
});

test('docs/command-experiments.md has the tables that `npm run docs` writes', async () => {
  const document = await read('command-experiments');
  const tricks = trickOptionRows(ALL_TRICKS, parseAnyExperiment);
  expect(document).toBe(withCommandTables(document, { schema: commandJsonSchema(), tricks }));
  expect(tricks.find(([name]) => name === '`mixup`')).toEqual([
    '`mixup`',
    '`--mixup 0.2`',
    '`--mixup-alpha 0.2`',
    '`--cfg-options model.train_cfg.augments.type=Mixup model.train_cfg.augments.alpha=0.2`',
  ]);
});

test('the examples in docs/command-experiments.md are valid', async () => {
  const document = await read('command-experiments');
  const all = yamlIn(document);
  const isStudy = (text: string) => /^(?:factors|search):/m.test(text);
  const examples = all.filter((text) => !isStudy(text));
  expect(examples.length).toBeGreaterThan(1);
  for (const text of examples) {
    const parsed = parseAnyExperiment(text, 'a.experiment.yaml');
    expect(parsed.kind).toBe('command');
    expect(parsed.ok ? parsed.warnings : parsed.problems).toEqual([]);
  }
  const studies = all.filter(isStudy);
  expect(studies).toHaveLength(2);
  for (const text of studies) {
    const readExperiment = (path: string) => {
      const named = examples.find((each) => each.startsWith(`name: ${path.replace(/\..*/, '')}\n`));
      return { ok: true, parsed: parseAnyExperiment(named ?? '', path) } as const;
    };
    expect(problemsOf(parseStudy(text, 'a.study.yaml', readExperiment), readExperiment)).toEqual([]);
  }
});

test('the examples of metrics in README.md and docs/command-trainers.md are valid, and match their lines', async () => {
  const readme = await read('../README');
  const [own = ''] = yamlIn(readme);
  const fragments = yamlIn(await read('command-trainers'));
  expect(fragments).toHaveLength(3);
  const written = fragments.map(
    (text) =>
      `name: a\ntrainer:\n  command: python train.py --seed \${seed}\n  system: generic\n${text.replace(/^(?=.)/gm, '  ')}`,
  );
  for (const text of [own, ...written]) {
    const parsed = parseAnyExperiment(text, 'a.experiment.yaml');
    expect(parsed.kind).toBe('command');
    expect(parsed.ok ? parsed.warnings : parsed.problems).toEqual([]);
  }
  const pattern = /stdout: '([^']*)'/.exec(own)?.[1] ?? '';
  const line = /lines such as `([^`]*)`/.exec(readme)?.[1] ?? '';
  expect({ ...new RegExp(pattern).exec(line)?.groups }).toEqual({
    epoch: '3',
    loss: '1.23',
    validation_accuracy: '0.71',
  });
});

test('the JSON lines in docs/command-trainers.md are read as metrics', async () => {
  const [, lines = ''] = /```json\n([\s\S]*?)```/.exec(await read('command-trainers')) ?? [];
  const each = lines.trimEnd().split('\n');
  expect(each.length).toBeGreaterThan(1);
  expect(each.filter((line) => readingsOfText(jsonLines(), `${line}\n`).length === 0)).toEqual([]);
});

test('every key has a description and is in docs/experiment-file.md', async () => {
  const document = await read();
  const keys = keysOf(experimentJsonSchema() as Node);
  expect(keys.length).toBeGreaterThan(100);
  expect(keys.filter(({ node }) => !node.description).map(({ path }) => path)).toEqual([]);
  // Data sets, augmentation steps and tricks have tables of their own, with names in place of paths.
  const missing = keys.filter(({ path }) => {
    const name = path.slice(path.lastIndexOf('.') + 1);
    return !document.includes(`| \`${path}\` |`) && !document.includes(`\`${name}\` (`);
  });
  const names = new Set<string>(ALL_TRICKS.map((trick) => `tricks.${trick.name}`));
  expect(
    missing.map(({ path }) => path).filter((path) => !names.has(path) && path !== 'data.augment.step'),
  ).toEqual([]);
});

test('every trick, model, data set, preset and augmentation step has a row in docs/experiment-file.md', async () => {
  const document = await read();
  const { data, model } = schema.experimentSchema.shape;
  const names = [
    ...ALL_TRICKS.map((trick) => trick.name),
    ...model.options.flatMap(({ shape }) =>
      'options' in shape.name ? shape.name.options : [...shape.name.values],
    ),
    ...data.options.map(({ shape }) => shape.dataset.value),
    ...schema.augmentationStepSchema.options.map(({ shape }) => shape.step.value),
    ...Object.keys(AUGMENTATION_PRESETS),
  ];
  expect(names).toContain('resnet8');
  expect(names.filter((name) => !document.includes(`\n| \`${name}\` |`))).toEqual([]);
});
