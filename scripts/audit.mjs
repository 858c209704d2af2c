// @ts-check
// `npm run audit`: whether the registry knows of advisories of severity high or above on what ships, which is what
// package.json calls dependencies. Exit codes: 0 none, 1 some, 2 not checked.
import { execFile } from 'node:child_process';
import { verdictOf } from './lib/audit.mjs';
import { root } from './lib/processes.mjs';
import { main } from './lib/project.mjs';

await main(async () => {
  const { code, lines } = verdictOf(await report());
  for (const line of lines) console.log(line);
  return code;
});

/** @returns {Promise<string>} npm's output, whatever its exit code */
function report() {
  const args = ['audit', '--audit', '--omit=dev', '--audit-level=high', '--json'];
  const cli = process.env.npm_execpath;
  const [program, ...first] = cli?.endsWith('.js') ? [process.execPath, cli] : ['npm'];
  return new Promise((resolve) => {
    const options = {
      cwd: root,
      maxBuffer: 1 << 26,
      shell: program === 'npm' && process.platform === 'win32',
    };
    execFile(program, [...first, ...args], options, (_, stdout) => resolve(stdout));
  });
}
