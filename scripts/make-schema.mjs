// @ts-check
// Writes schemas/experiment.schema.json from the schema that validates experiment files.
//
//     node scripts/make-schema.mjs
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'bag-of-tricks-schema-'));
try {
  const bundle = join(folder, 'jsonSchema.cjs');
  await build({
    absWorkingDir: root,
    entryPoints: ['src/experiment/jsonSchema.ts'],
    outfile: bundle,
    bundle: true,
    platform: 'node',
    format: 'cjs',
  });
  const { experimentJsonSchema } = createRequire(import.meta.url)(bundle);
  const target = join(root, 'schemas/experiment.schema.json');
  await writeFile(target, `${JSON.stringify(experimentJsonSchema(), null, 2)}\n`);
  console.log(`Wrote ${target}`);
} finally {
  await rm(folder, { recursive: true });
}
