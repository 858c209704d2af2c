/**
 * Adds a trick to a copy of the sources as CONTRIBUTING.md describes: one file and one line in the registry. The
 * product's texts about it come from the built copy.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nodeBundle } from '../../../scripts/lib/bundling.mjs';
import { trickTable } from '../../../scripts/lib/docs.mjs';
import { root } from '../../../scripts/lib/processes.mjs';
import type * as jsonSchema from '../../../src/experiment/jsonSchema';
import type * as parse from '../../../src/experiment/parse';
import type * as completions from '../../../src/insight/completions';
import type * as foreign from '../../../src/insight/foreignFits';
import type * as hovers from '../../../src/insight/hovers';
import type * as lenses from '../../../src/insight/lenses';
import type * as commandLine from '../../../src/interop/export/commandLine';
import type * as registry from '../../../src/tricks/registry';

/** The exports of the built copy. */
type Copy = typeof jsonSchema &
  typeof parse &
  typeof completions &
  typeof foreign &
  typeof hovers &
  typeof lenses &
  typeof commandLine &
  typeof registry;

/** A trick with an existing effect: slight label smoothing, in timm only. */
const TRICK = `import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { changed } from '../recipe/draft';
import { amount } from './elsewhere/mapping';
import { NO_EQUIVALENT } from './elsewhere/systems';
import { option } from './elsewhere/translation';
import { defineTrick } from './trick';

export const gentleLabels = defineTrick({
  name: 'gentle_labels',
  aliases: [],
  title: () => l10n.t('Gentle labels'),
  brief: () => l10n.t('smooths labels a little'),
  summary: () => l10n.t('The targets are spread over the classes, less than usual.'),
  formula: 'target = (1 − share) × one-hot + share / classes',
  source: 'Example et al. 2026',
  url: 'https://example.org',
  evidence: [],
  options: z.strictObject({
    share: z.number().positive().lt(1).default(0.05).describe('Share of the target that is spread.'),
  }),
  anchor: ['seed'],
  excludes: ['label_smoothing'],
  insertion: () => true,
  problems: () => [],
  apply: (draft, { share }) => changed(draft, { loss: { labelSmoothing: share } }),
  effect: (_, { share }) => l10n.t('{0} of the target spread', share),
  systems: {
    timm: {
      file: amount('gentle_labels', 'share'),
      command: ({ loss }) => option('--gentle-labels', loss.labelSmoothing),
    },
    torchvision: { file: NO_EQUIVALENT, command: NO_EQUIVALENT },
    mmpretrain: { file: NO_EQUIVALENT },
  },
});
`;

const ENTRY = `export * from './src/experiment/jsonSchema';
export * from './src/experiment/parse';
export * from './src/insight/completions';
export * from './src/insight/foreignFits';
export * from './src/insight/hovers';
export * from './src/insight/lenses';
export * from './src/interop/export/commandLine';
export * from './src/tricks/registry';
`;

const EXPERIMENT = `name: small
data: { dataset: fashion-mnist-sample }
model: { name: resnet8 }
seed: 1
`;

let folder = '';
let copy: Copy;

beforeAll(async () => {
  // Below the root, because it uses the root's packages.
  await mkdir(join(root, 'test/artifacts'), { recursive: true });
  folder = await mkdtemp(join(root, 'test/artifacts/new-trick-'));
  for (const path of ['src', 'package.json', 'data/fashion-mnist-sample/manifest.json', 'tsconfig.json']) {
    await cp(join(root, path), join(folder, path), { recursive: true });
  }
  await writeFile(join(folder, 'src/tricks/gentleLabels.ts'), TRICK);
  await register("import { gentleLabels } from './gentleLabels';", '  gentle_labels: gentleLabels,');
  await writeFile(join(folder, 'entry.ts'), ENTRY);
  const outfile = join(folder, 'copy.cjs');
  await build({ ...nodeBundle, absWorkingDir: folder, entryPoints: ['entry.ts'], outfile });
  copy = createRequire(import.meta.url)(outfile) as Copy;
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Adds a trick's line to the registry, with the import that an editor adds automatically. */
async function register(importLine: string, line: string): Promise<void> {
  const path = join(folder, 'src/tricks/registry.ts');
  const text = await readFile(path, 'utf8');
  const added = `${importLine}\n${text.replace('export const TRICKS = {\n', `$&${line}\n`)}`;
  expect(added).toContain(line);
  await writeFile(path, added);
}

/** Returns the compiler's messages about the copy, or an empty string if there are none. */
async function compilerSays(): Promise<string> {
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const options = ['--noEmit', '--project', join(folder, 'tsconfig.json')];
  return promisify(execFile)(process.execPath, [compiler, ...options]).then(
    () => '',
    ({ stdout }: { stdout: string }) => stdout,
  );
}

/** Changes a file of the copy. Fails if `before` is not in it. */
async function replaceIn(path: string, before: string, after: string): Promise<void> {
  const text = await readFile(join(folder, path), 'utf8');
  expect(text).toContain(before);
  await writeFile(
    join(folder, path),
    text.replace(before, () => after),
  );
}

test('compiles', async () => {
  expect(await compilerSays()).toBe('');
});

test('has a lens with its numbers', () => {
  const shown = copy
    .experimentLenses(copy.parseExperiment(EXPERIMENT, 'a.experiment.yaml'), {
      obstacle: null,
      lastRun: null,
      runs: new Map(),
      hidden: new Set(),
    })
    .map((lens) => lens.face());
  expect(shown.find(({ title }) => title === 'Gentle labels')?.tooltip).toContain(
    'Here: 0.05 of the target spread.',
  );
});

test('has a hover', () => {
  const text = `${EXPERIMENT}tricks: { gentle_labels: true }\n`;
  const hover = copy.hoverAt(
    copy.parseExperiment(text, 'a.experiment.yaml'),
    text.indexOf('gentle_labels') + 1,
    new Map(),
    false,
  );
  expect(hover?.parts.join('\n')).toContain('less than usual');
  expect(hover?.trick?.name).toBe('gentle_labels');
});

test('is completed', () => {
  const text = `${EXPERIMENT}tricks:\n  `;
  const labels = copy.completionsAt(text, 'a.experiment.yaml', text.length, {
    runs: [],
    hasSchemaHelp: false,
  })?.items;
  expect(labels?.map(({ label }) => label)).toContain('gentle_labels');
});

test('is in the schema', () => {
  const schema = JSON.stringify(copy.experimentJsonSchema());
  expect(schema).toContain('"gentle_labels"');
  expect(schema).toContain('Share of the target that is spread.');
});

test('changes the recipe', () => {
  const parsed = copy.parseExperiment(`${EXPERIMENT}tricks: { gentle_labels: true }\n`, 'a.yaml');
  expect(parsed.ok && parsed.recipe.loss.labelSmoothing).toBe(0.05);
  expect(parsed.ok && parsed.recipe.tricks).toEqual(['gentle_labels']);
});

test('is excluded by the trick that it excludes, whose file does not know it', () => {
  const text = `${EXPERIMENT}tricks: { gentle_labels: true, label_smoothing: true }\n`;
  const parsed = copy.parseExperiment(text, 'a.yaml');
  expect(parsed.ok ? [] : parsed.problems.map(({ what }) => what)).toEqual([
    'label_smoothing cannot be combined with gentle_labels.',
  ]);
});

test("is exported to timm, and told as missing where torchvision's command is", () => {
  const parsed = copy.parseExperiment(`${EXPERIMENT}tricks: { gentle_labels: true }\n`, 'a.yaml');
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  expect(copy.commandLine('timm', parsed.recipe)).toContain('--gentle-labels 0.05');
  expect(copy.commandLine('torchvision', parsed.recipe)).toContain('# - the trick gentle_labels');
});

test("is read from timm's arguments", () => {
  const args =
    'model: resnet50\nopt: sgd\nsched: cosine\nepochs: 90\nlr: 0.1\ngentle_labels: 0.2\nsmoothing: 0.0\n';
  const fit = copy
    .foreignFits(args, 'args.yaml')
    ?.fits.find(({ trick }) => `${trick.name}` === 'gentle_labels');
  expect(fit?.isIn).toBe(true);
});

test('is in the table of tricks that `npm run docs` writes', () => {
  expect(trickTable(copy.ALL_TRICKS)).toContain(
    '| `gentle_labels` | smooths labels a little | `share: 0.05` |',
  );
});

test('compiles as in the examples of CONTRIBUTING.md, with an existing effect and with a new one', async () => {
  const document = await readFile(join(root, 'CONTRIBUTING.md'), 'utf8');
  const files = [...document.matchAll(/Create `(src\/[^`]+)`[^\n]*:\n\n```ts\n(.*?)```/gs)];
  expect(files.map(([, path]) => path)).toEqual([
    'src/tricks/gentleLabels.ts',
    'src/training/effects/gradientCentralization.ts',
    'src/tricks/gradientCentralization.ts',
  ]);
  for (const [, path = '', code = ''] of files) await writeFile(join(folder, path), code);
  const field = document.match(/add to `GradientRecipe`:\n\n```ts\n(.*?)```/s)?.[1];
  const head = 'export interface GradientRecipe {\n';
  await replaceIn('src/recipe/recipe.ts', head, `${head}${field}`);
  await replaceIn('src/recipe/recipe.ts', '  gradients: {', '  gradients: { centralized: false,');
  const list = 'export const EFFECTS: readonly Effect[] = [';
  await replaceIn(
    'src/training/effects/index.ts',
    list,
    `import { gradientCentralization } from './gradientCentralization';\n${list}gradientCentralization,`,
  );
  await register(
    "import { gradientCentralization } from './gradientCentralization';",
    '  gradient_centralization: gradientCentralization,',
  );
  expect(await compilerSays()).toBe('');
});

test('is a compiler error if it misspells a key of the draft, or leaves a system out', async () => {
  const path = join(folder, 'src/tricks/gentleLabels.ts');
  await writeFile(path, TRICK.replace('{ labelSmoothing: share }', '{ labelSmothing: share }'));
  expect(await compilerSays()).toMatch(/gentleLabels\.ts.*'labelSmothing' does not exist/);
  await writeFile(path, TRICK.replace(/ {4}torchvision: .*\n/, ''));
  expect(await compilerSays()).toMatch(/gentleLabels\.ts.*'torchvision' is missing/);
});
