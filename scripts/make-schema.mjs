// @ts-check
// Writes schemas/experiment.schema.json from the schema that validates experiment files.
//
//     node scripts/make-schema.mjs
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadModule } from './lib/loadModule.mjs';
import { root } from './lib/processes.mjs';

const { experimentJsonSchema } = await loadModule('src/experiment/jsonSchema.ts');
const target = join(root, 'schemas/experiment.schema.json');
await writeFile(target, `${JSON.stringify(experimentJsonSchema(), null, 2)}\n`);
console.log(`Wrote ${target}`);
