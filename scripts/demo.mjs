// @ts-check
// `npm run demo`: from a fresh clone to a small network that is trained as it is, with a trick that pays, and with one
// more that does not, in the terminal. README.md, First steps, has what each is worth over three seeds.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { nextSteps, runArguments, STEPS } from './lib/demo.mjs';
import { root, run } from './lib/processes.mjs';
import { build, ensureInstalled, main } from './lib/project.mjs';

await main(async () => {
  await ensureInstalled();
  await build();
  for (const { title, tricks } of STEPS) {
    console.log(`\n${title}`);
    const code = await run(process.execPath, ['dist/tricks.js', ...runArguments(tricks)]);
    if (code !== 0) return code;
  }
  console.log(`\n${nextSteps(await lastRun(), root, process.env.INIT_CWD || process.cwd())}`);
  return 0;
});

/** The id of the run that was created last. */
async function lastRun() {
  const options = { cwd: root, maxBuffer: 2 ** 28 };
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['dist/tricks.js', 'runs', '--json'],
    options,
  );
  return JSON.parse(stdout)[0].id;
}
