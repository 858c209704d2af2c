// @ts-check
// `npm run package`: the extension as a VSIX in the repository's root, for this machine's system, which has its own
// Dawn and sharp. `npm run package -- --all` makes one for each system that has these, and one without for all others.
import { parseArgs } from 'node:util';
import { build, ensureInstalled, main, packExtension, systems, thisSystem } from './lib/project.mjs';
import { fetchSharp } from './lib/sharp.mjs';

await main(async () => {
  const { values } = parseArgs({ options: { all: { type: 'boolean', default: false } } });
  await ensureInstalled();
  for (const system of values.all ? [...systems, 'other'] : [thisSystem]) {
    await fetchSharp(system);
    await build({ production: true, system });
    console.log(await packExtension(undefined, system));
  }
  // Rebuilds dist/ for this machine.
  if (values.all) await build({ production: true });
});
