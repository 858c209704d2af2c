import { relative } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { enginesEnvironment } from './scripts/lib/engines.mjs';
import { softwareGpuEnvironment } from './scripts/lib/gpu.mjs';
import { moveToOwnHome } from './scripts/lib/home.mjs';
import { hangLimitsMs } from './scripts/lib/limits.mjs';
import { root } from './scripts/lib/processes.mjs';
import { impureFiles, longestFiles, pureFolders } from './scripts/lib/testFiles.mjs';

// At module level, so that all processes started by the tests inherit it, including a project's setup.
moveToOwnHome();
// At module level, because a process looks for libraries where its environment pointed at start.
Object.assign(process.env, softwareGpuEnvironment());

/** Settings shared by the tests of all runners. */
const common = (name: 'unit' | 'webview' | 'ui') => ({
  name,
  include: [`test/${name}/**/*.test.ts`],
  testTimeout: hangLimitsMs[name].test,
  hookTimeout: hangLimitsMs[name].test,
  expect: { poll: { timeout: hangLimitsMs[name].wait } },
  // Show the complete output of a program, because a failure may be seen only once and on another machine.
  chaiConfig: { truncateThreshold: 0 },
});

/** Starts the longest files first, then the others in the runner's own order. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const index = longestFiles.indexOf(relative(root, moduleId).replaceAll('\\', '/'));
      return index < 0 ? longestFiles.length : index;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  test: {
    // Use every core. By default the runner leaves one out, which is half of a two-core machine.
    maxWorkers: '100%',
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          ...common('unit'),
          include: [`test/unit/!(${pureFolders.join('|')})/**/*.test.ts`, ...impureFiles],
          env: enginesEnvironment,
          globalSetup: 'test/unit/setup.ts',
        },
      },
      {
        test: {
          ...common('unit'),
          name: 'pure',
          include: [`test/unit/@(${pureFolders.join('|')})/**/*.test.ts`],
          exclude: impureFiles,
          isolate: false,
        },
      },
      { test: { ...common('webview'), globalSetup: 'test/webview/setup.ts' } },
      {
        test: {
          ...common('ui'),
          globalSetup: 'test/ui/setup.ts',
          // Each test file drives its own workbench, and two at once overload two cores.
          fileParallelism: false,
        },
      },
    ],
  },
});
