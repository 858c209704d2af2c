// Writes the tables of docs/experiment-file.md and docs/command-experiments.md from the schemas, the tricks and the models.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { modelRows, trickOptionRows, withCommandTables, withTables } from './lib/docs.mjs';
import { loadModule } from './lib/loadModule.mjs';
import { root } from './lib/processes.mjs';

const path = join(root, 'docs/experiment-file.md');
const written = withTables(await readFile(path, 'utf8'), {
  schema: (await loadModule('src/experiment/jsonSchema.ts')).experimentJsonSchema(),
  tricks: (await loadModule('src/tricks/registry.ts')).ALL_TRICKS,
  presets: (await loadModule('src/recipe/augmentation.ts')).AUGMENTATION_PRESETS,
  models: modelRows({
    schema: await loadModule('src/experiment/schema.ts'),
    spec: await loadModule('src/experiment/modelSpec.ts'),
    catalog: await loadModule('src/models/catalog.ts'),
    graph: await loadModule('src/models/graph.ts'),
  }),
});
const commands = join(root, 'docs/command-experiments.md');
const { commandJsonSchema } = await loadModule('src/experiment/jsonSchema.ts');
const { parseAnyExperiment } = await loadModule('src/interop/command/parse.ts');
const { ALL_TRICKS } = await loadModule('src/tricks/registry.ts');
const sources = { schema: commandJsonSchema(), tricks: trickOptionRows(ALL_TRICKS, parseAnyExperiment) };
for (const [target, text] of [
  [path, written],
  [commands, withCommandTables(await readFile(commands, 'utf8'), sources)],
]) {
  await writeFile(target, text);
  console.log(`Wrote ${target}`);
}
