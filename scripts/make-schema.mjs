// @ts-check
// Writes schemas/experiment.schema.json from the schema that validates experiment files.
//
//     node scripts/make-schema.mjs
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { nodeBundle } from './lib/bundling.mjs';
import { root } from './lib/processes.mjs';

const folder = await mkdtemp(join(tmpdir(), 'bag-of-tricks-schema-'));
try {
  const bundle = join(folder, 'jsonSchema.cjs');
  await build({ ...nodeBundle, entryPoints: ['src/experiment/jsonSchema.ts'], outfile: bundle });
  const { experimentJsonSchema } = createRequire(import.meta.url)(bundle);
  const target = join(root, 'schemas/experiment.schema.json');
  await writeFile(target, `${JSON.stringify(experimentJsonSchema(), null, 2)}\n`);
  console.log(`Wrote ${target}`);
} finally {
  await rm(folder, { recursive: true });
}
