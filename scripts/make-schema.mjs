// @ts-check
// Writes schemas/ from the schemas that validate experiment files, study files and lines of metrics.
//
//     node scripts/make-schema.mjs
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadModule } from './lib/loadModule.mjs';
import { root } from './lib/processes.mjs';

const { experimentFileJsonSchema } = await loadModule('src/experiment/jsonSchema.ts');
const { studyJsonSchema } = await loadModule('src/study/file/jsonSchema.ts');
const { metricsLineJsonSchema } = await loadModule('src/interop/output/jsonLines.ts');
for (const [name, schema] of Object.entries({
  experiment: experimentFileJsonSchema(),
  study: studyJsonSchema(),
  'metrics-line': metricsLineJsonSchema(),
})) {
  const target = join(root, `schemas/${name}.schema.json`);
  await writeFile(target, `${JSON.stringify(schema, null, 2)}\n`);
  console.log(`Wrote ${target}`);
}
