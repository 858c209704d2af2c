// @ts-check
// `npm run verify`: installs, and runs every check and every test. Closes with the true sum over all of them.
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { ensureBrowser } from './lib/browser.mjs';
import { installDebianPackage } from './lib/debian.mjs';
import { enginesEnvironment } from './lib/engines.mjs';
import { softwareGpuEnvironment } from './lib/gpu.mjs';
import { hangLimitsMs } from './lib/limits.mjs';
import { mark, root, run } from './lib/processes.mjs';
import { ensureInstalled, main } from './lib/project.mjs';

const minuteMs = 60_000;
/** Limits for the text of a failure: enough for the expectation, its location, and the end of a program's output. */
const linesOfFailure = 24;
const charactersOfLine = 300;
const artifacts = join(root, 'test/artifacts');

/**
 * @typedef {{ passed: number, failed: number, skipped: number, failures?: readonly string[] }} Counts `failures` holds
 *   the name of each failure and the first lines of its reason, if the runner reports them
 * @typedef {Counts & { name: string, seconds: number }} Outcome
 * @typedef {{ status: string, fullName: string, failureMessages: string[] }} Assertion
 * @typedef {object} Stage
 * @property {string} name
 * @property {readonly string[]} command a script from node_modules or the project, run by Node, and its arguments
 * @property {number} limitMs
 * @property {string} [results] the file in test/artifacts that its runner writes; a stage without one is a single check
 *   that passes on exit code 0
 * @property {Readonly<Record<string, string>>} [env] in addition to this process's
 * @property {boolean} [wantsBuild] skipped and counted as failed if the build failed
 */

const vitest = 'node_modules/vitest/vitest.mjs';

/**
 * @param {readonly [string, ...string[]]} projects the first names the file of results
 * @param {Omit<Stage, 'command' | 'results'>} stage
 * @returns {Stage}
 */
const vitestStage = (projects, stage) => ({
  ...stage,
  command: [
    ...[vitest, 'run', '--reporter=default', '--reporter=json'],
    ...projects.map((project) => `--project=${project}`),
    `--outputFile.json=${join(artifacts, `${projects[0]}.json`)}`,
  ],
  results: `${projects[0]}.json`,
});

/**
 * These run one after another, because the tests need what they make.
 * @type {readonly Stage[]}
 */
const checks = [
  { name: 'lint', command: ['node_modules/@biomejs/biome/bin/biome', 'check'], limitMs: 2 * minuteMs },
  {
    name: 'typecheck',
    command: ['node_modules/typescript/bin/tsc', '--project', '.', '--noEmit'],
    limitMs: 3 * minuteMs,
  },
  { name: 'build', command: ['esbuild.mjs'], limitMs: 2 * minuteMs },
  // Downloads a quarter of a gigabyte the first time.
  {
    name: 'engines',
    command: ['dist/tricks.js', 'engine', 'install', 'tensorflow', '--from', 'wheel'],
    env: enginesEnvironment,
    limitMs: 8 * minuteMs,
    wantsBuild: true,
  },
];

// Some of these run the built command line.
const unitTests = vitestStage(['unit', 'pure'], {
  name: 'unit tests',
  limitMs: hangLimitsMs.unit.stage,
  wantsBuild: true,
});

/**
 * These run one after another beside the unit tests, because they mostly wait for an editor. See docs/performance.md.
 * @type {readonly Stage[]}
 */
const editorTests = [
  vitestStage(['webview'], { name: 'webview tests', limitMs: hangLimitsMs.webview.stage, wantsBuild: true }),
  {
    name: 'extension host tests',
    command: ['test/host/run.mjs'],
    limitMs: hangLimitsMs.host.stage,
    results: 'host.json',
    wantsBuild: true,
  },
  vitestStage(['ui'], { name: 'UI tests', limitMs: hangLimitsMs.ui.stage, wantsBuild: true }),
];

await main(async () => {
  /** @type {Outcome[]} */
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
  // SwiftShader, which the webgpu engine is tested on, comes with the browser. The tests that use it report what is
  // missing.
  await ensureBrowser().catch(() => {});
  if (!process.env.BAG_OF_TRICKS_TEST_GPU && !softwareGpuEnvironment().VK_ICD_FILENAMES)
    console.log('The engine webgpu is not tested: Chromium has no SwiftShader here.');
  await mkdir(artifacts, { recursive: true });
  let built = true;
  /** @param {Stage} stage */
  const isPossible = ({ wantsBuild = false }) => built || !wantsBuild;
  for (const stage of checks) {
    console.log(`\n== ${stage.name}`);
    const outcome = isPossible(stage) ? await timed(stage) : notRun(stage);
    if (stage.name === 'build') built = outcome.failed === 0;
    done.push(outcome);
  }
  const beside = async () => {
    const outcomes = [];
    for (const stage of editorTests) {
      outcomes.push(isPossible(stage) ? await timedApart(stage) : notRun(stage));
    }
    return outcomes;
  };
  console.log(`\n== ${unitTests.name}, beside ${editorTests.map(({ name }) => name).join(', ')}`);
  const [unit, editor] = await Promise.all([
    isPossible(unitTests) ? timed(unitTests) : notRun(unitTests),
    beside(),
  ]);
  return report([...done, unit, ...editor]);
});

/**
 * @param {Stage} stage
 * @returns {Outcome}
 */
function notRun({ name }) {
  console.log(`${name}: not run, because the build failed.`);
  return { name, passed: 0, failed: 1, skipped: 0, seconds: 0 };
}

/**
 * @param {Stage} stage
 * @param {number} [output] an open file
 * @returns {Promise<Outcome>}
 */
async function timed(stage, output) {
  const startMs = performance.now();
  const counts = await perform(stage, output);
  return { name: stage.name, ...counts, seconds: (performance.now() - startMs) / 1000 };
}

/**
 * Runs a stage beside another, and prints its output as a whole when it is over.
 * @param {Stage} stage
 * @returns {Promise<Outcome>}
 */
async function timedApart(stage) {
  const path = join(artifacts, `${stage.name}.log`);
  const file = await open(path, 'w');
  try {
    return await timed(stage, file.fd);
  } finally {
    await file.close();
    console.log(`\n== ${stage.name}\n${await readFile(path, 'utf8')}`);
  }
}

/**
 * Runs a stage and ends any processes it leaves behind.
 * @param {Stage} stage
 * @param {number} [output] an open file for the output, instead of the terminal
 * @returns {Promise<Counts>} a runner that fails without naming a failed test, or that reports nothing, counts as one
 *   failure
 */
async function perform({ command, limitMs, results, env: more }, output) {
  const file = results && join(artifacts, results);
  if (file) await rm(file, { force: true });
  const marked = mark();
  const env = { ...process.env, ...more, ...marked.env };
  const code = await run(process.execPath, command, { env, timeoutMs: limitMs, output });
  await marked.end();
  if (code === 124) console.error(`Ended: it took more than ${limitMs / minuteMs} minutes.`);
  if (!file) return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
  const counts = await readCounts(file);
  const silent = counts.passed + counts.failed + counts.skipped === 0;
  return (code !== 0 || silent) && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

/**
 * Reads the results of vitest's JSON reporter or of test/host.
 * @param {string} file
 * @returns {Promise<Counts>} zeros if the file is missing or broken
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
    // A file that could not be loaded, or whose setup threw, is a failure that none of its tests reports.
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
 * Prints each stage's counts, and the total as the last line.
 * @param {readonly Outcome[]} done
 * @returns {number} the exit code
 */
function report(done) {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  // At the end, because a truncated log still contains them there.
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
 * Cuts the middle lines of a long text, and the middle of long lines.
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
