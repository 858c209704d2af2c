// @ts-check
// `npm run verify`: installs, and runs every check and every test. Closes with the true sum over all of them.
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { ensureBrowser } from './lib/browser.mjs';
import { installDebianPackage } from './lib/debian.mjs';
import { enginesEnvironment } from './lib/engines.mjs';
import { softwareGpuEnvironment } from './lib/gpu.mjs';
import { hangLimitsMs } from './lib/limits.mjs';
import { mark, root, run } from './lib/processes.mjs';
import { ensureInstalled, main } from './lib/project.mjs';

const minuteMs = 60_000;
/** Of a failure's text: enough for what was expected and where, and for the end of what a program wrote. */
const linesOfFailure = 24;
const charactersOfLine = 300;
const artifacts = join(root, 'test/artifacts');

/**
 * @typedef {{ passed: number, failed: number, skipped: number, failures?: readonly string[] }} Counts what failed, by
 *   its name and the first lines of its reason, where its runner says so
 * @typedef {{ status: string, fullName: string, failureMessages: string[] }} Assertion
 * @typedef {object} Stage
 * @property {string} name
 * @property {readonly string[]} command a script of node_modules or of ours, run by Node, and its arguments
 * @property {number} limitMs
 * @property {string} [results] the file of test/artifacts that its runner writes; a stage without one is one
 *   check, passed on exit code 0
 * @property {Readonly<Record<string, string>>} [env] besides this process's
 * @property {boolean} [wantsBuild] not run, and failed, where the build failed
 */

const vitest = 'node_modules/vitest/vitest.mjs';

/**
 * @param {string} project
 * @param {Omit<Stage, 'command' | 'results'>} stage
 * @returns {Stage}
 */
const vitestStage = (project, stage) => ({
  ...stage,
  command: [
    ...[vitest, 'run', '--project', project, '--reporter=default', '--reporter=json'],
    `--outputFile.json=${join(artifacts, `${project}.json`)}`,
  ],
  results: `${project}.json`,
});

/** @type {readonly Stage[]} */
const stages = [
  { name: 'lint', command: ['node_modules/@biomejs/biome/bin/biome', 'check'], limitMs: 2 * minuteMs },
  {
    name: 'typecheck',
    command: ['node_modules/typescript/bin/tsc', '--project', '.', '--noEmit'],
    limitMs: 3 * minuteMs,
  },
  { name: 'build', command: ['esbuild.mjs'], limitMs: 2 * minuteMs },
  // A quarter of a gigabyte to download the first time.
  {
    name: 'engines',
    command: ['dist/tricks.js', 'engine', 'install', 'tensorflow', '--from', 'wheel'],
    env: enginesEnvironment,
    limitMs: 8 * minuteMs,
    wantsBuild: true,
  },
  // Some of these run the built command line.
  vitestStage('unit', { name: 'unit tests', limitMs: hangLimitsMs.unit.stage, wantsBuild: true }),
  vitestStage('webview', { name: 'webview tests', limitMs: hangLimitsMs.webview.stage, wantsBuild: true }),
  {
    name: 'extension host tests',
    command: ['test/host/run.mjs'],
    limitMs: hangLimitsMs.host.stage,
    results: 'host.json',
    wantsBuild: true,
  },
  vitestStage('ui', { name: 'UI tests', limitMs: hangLimitsMs.ui.stage, wantsBuild: true }),
];

await main(async () => {
  /** @type {(Counts & { name: string, seconds: number })[]} */
  const done = [];
  try {
    await ensureInstalled();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    done.push({ name: 'install', passed: 0, failed: 1, skipped: 0, seconds: 0 });
    return report(done);
  }
  // Without the full data set, the tests that compare with it are skipped.
  if (!existsSync('/usr/share/datasets/fashion-mnist')) await installDebianPackage('dataset-fashion-mnist');
  // SwiftShader, which the engine webgpu is tested on, comes with the browser. The tests that drive it say what is amiss.
  await ensureBrowser().catch(() => {});
  if (!process.env.BAG_OF_TRICKS_TEST_GPU && !softwareGpuEnvironment().VK_ICD_FILENAMES)
    console.log('The engine webgpu is not tested: Chromium has no SwiftShader here.');
  await mkdir(artifacts, { recursive: true });
  let built = true;
  for (const stage of stages) {
    console.log(`\n== ${stage.name}`);
    const startMs = performance.now();
    /** @type {Counts} */
    const counts = stage.wantsBuild && !built ? notRun() : await perform(stage);
    if (stage.name === 'build') built = counts.failed === 0;
    done.push({ name: stage.name, ...counts, seconds: (performance.now() - startMs) / 1000 });
  }
  return report(done);
});

/** @returns {Counts} */
function notRun() {
  console.log('Not run: the build failed.');
  return { passed: 0, failed: 1, skipped: 0 };
}

/**
 * Runs a stage, and ends whatever it leaves running.
 * @param {Stage} stage
 * @returns {Promise<Counts>} a runner that ends badly without having said which test failed, or that says
 *   nothing, counts as one failure
 */
async function perform({ command, limitMs, results, env: more }) {
  const file = results && join(artifacts, results);
  if (file) await rm(file, { force: true });
  const marked = mark();
  const env = { ...process.env, ...more, ...marked.env };
  const code = await run(process.execPath, command, { env, timeoutMs: limitMs });
  await marked.end();
  if (code === 124) console.error(`Ended: it took more than ${limitMs / minuteMs} minutes.`);
  if (!file) return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
  const counts = await readCounts(file);
  const silent = counts.passed + counts.failed + counts.skipped === 0;
  return (code !== 0 || silent) && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

/**
 * Reads the results of vitest's JSON reporter, or of test/host.
 * @param {string} file
 * @returns {Promise<Counts>} zeros where the file is missing or broken
 */
async function readCounts(file) {
  try {
    const results = JSON.parse(await readFile(file, 'utf8'));
    if (!('numTotalTests' in results)) {
      const { passed, failed, skipped, tests } = results;
      /** @type {string[]} */
      const failures = tests
        .filter((/** @type {{ state: string }} */ { state }) => state === 'failed')
        .map((/** @type {{ title: string, error: string }} */ { title, error }) => `${title}\n${error}`);
      return { passed, failed, skipped, failures };
    }
    /** @type {{ name: string, status: string, message: string, assertionResults: Assertion[] }[]} */
    const files = results.testResults;
    // A file that could not be loaded, or whose set-up threw, is a failure that no test of it reports.
    const broken = files.filter(
      ({ status, assertionResults }) =>
        status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
    );
    return {
      passed: results.numPassedTests,
      failed: results.numFailedTests + broken.length,
      skipped: results.numPendingTests + results.numTodoTests,
      failures: files
        .flatMap(({ name, assertionResults }) =>
          assertionResults
            .filter(({ status }) => status === 'failed')
            .map(
              ({ fullName, failureMessages }) =>
                `${relative(root, name)}: ${fullName}\n${failureMessages.join('\n')}`,
            ),
        )
        .concat(broken.map(({ name, message }) => `${relative(root, name)}\n${message}`)),
    };
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}

/**
 * Prints each stage's counts, and the sum as the last line.
 * @param {readonly (Counts & { name: string, seconds: number })[]} done
 * @returns {number} the exit code
 */
function report(done) {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  // At the end, where a cut log still has them.
  for (const failure of done.flatMap(({ failures = [] }) => failures)) {
    console.log(`\nFailed: ${shortened(failure)}`);
  }
  console.log('');
  for (const stage of done) {
    sum.passed += stage.passed;
    sum.failed += stage.failed;
    sum.skipped += stage.skipped;
    console.log(`${stage.name.padEnd(22)}${countsLine(stage)}  (${stage.seconds.toFixed(0)} s)`);
  }
  console.log(`\n${countsLine(sum)}`);
  return sum.failed > 0 ? 1 : 0;
}

/**
 * A text without its middle lines, and its lines without their middles, where they are many and long.
 * @param {string} text
 */
function shortened(text) {
  const lines = text.split('\n').map((line) => withoutMiddle([...line], charactersOfLine, ['…']).join(''));
  return withoutMiddle(lines, linesOfFailure, ['…']).join('\n');
}

/**
 * @template T
 * @param {readonly T[]} items
 * @param {number} most
 * @param {readonly T[]} instead
 */
function withoutMiddle(items, most, instead) {
  if (items.length <= most) return [...items];
  return [...items.slice(0, most / 2), ...instead, ...items.slice(-most / 2)];
}

/** @param {Counts} counts */
function countsLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
