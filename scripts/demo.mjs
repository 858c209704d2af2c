// @ts-check
// `npm run demo`: from a fresh clone to a trained network, in the terminal.

import { run } from './lib/processes.mjs';
import { build, ensureInstalled, main } from './lib/project.mjs';

await main(async () => {
  await ensureInstalled();
  await build();
  return run(process.execPath, ['dist/tricks.js', 'run', 'examples/fashion-mnist.experiment.yaml']);
});
