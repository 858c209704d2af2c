// The entry that VS Code loads into its extension host to run the suites there (mocha's `tdd` interface).
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'node:util';
import Mocha from 'mocha';
import { hangLimitsMs } from '../../scripts/lib/limits.mjs';

/** Marks the reporter's lines among everything else that an extension host logs. */
const linePrefix = '[suites] ';

interface TestResult {
  readonly title: string;
  readonly state: 'passed' | 'failed' | 'skipped';
  readonly error?: string;
}

/**
 * Runs every suite in out/host/suites and writes the results to the file named by BAG_OF_TRICKS_TEST_RESULTS.
 * @throws if a test fails or there are no tests
 */
export async function run(): Promise<void> {
  Mocha.reporters.Base.consoleLog = (...args) => console.log(linePrefix + format(...args));
  const mocha = new Mocha({ ui: 'tdd', reporter: 'spec', color: false, timeout: hangLimitsMs.host.test });
  const suites = join(__dirname, 'suites');
  for (const name of readdirSync(suites).filter((file) => file.endsWith('.test.js'))) {
    mocha.addFile(join(suites, name));
  }
  const tests: TestResult[] = [];
  await new Promise<void>((resolve) => {
    mocha
      .run(() => resolve())
      .on('pass', (test) => tests.push({ title: test.fullTitle(), state: 'passed' }))
      .on('pending', (test) => tests.push({ title: test.fullTitle(), state: 'skipped' }))
      .on('fail', (test, error) =>
        tests.push({ title: test.fullTitle(), state: 'failed', error: error.stack ?? error.message }),
      );
  });
  const count = (state: TestResult['state']) => tests.filter((test) => test.state === state).length;
  const results = {
    passed: count('passed'),
    failed: count('failed'),
    skipped: count('skipped'),
    tests,
  };
  const file = process.env.BAG_OF_TRICKS_TEST_RESULTS;
  if (file) writeFileSync(file, JSON.stringify(results, null, 2));
  if (results.failed > 0) throw new Error(`${results.failed} of ${tests.length} tests failed.`);
  if (results.passed === 0) throw new Error('No test ran.');
}
