// Writes the parts of README.md that follow from the code: the table of tricks.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withTrickTable } from './lib/docs.mjs';
import { loadModule } from './lib/loadModule.mjs';
import { root } from './lib/processes.mjs';

const { ALL_TRICKS } = await loadModule('src/tricks/registry.ts');
const path = join(root, 'README.md');
await writeFile(path, withTrickTable(await readFile(path, 'utf8'), ALL_TRICKS));
console.log(`Wrote ${path}`);
