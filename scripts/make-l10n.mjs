// @ts-check
// Writes l10n/bundle.l10n.json from the texts in the sources.
//
//     node scripts/make-l10n.mjs
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { extractTexts } from './lib/l10n.mjs';
import { root } from './lib/processes.mjs';

const target = join(root, 'l10n/bundle.l10n.json');
await writeFile(target, `${JSON.stringify(await extractTexts(), null, 2)}\n`);
console.log(`Wrote ${target}`);
