import { defineConfig } from 'vitest/config';
import { enginesEnvironment } from './scripts/lib/engines.mjs';
import { softwareGpuEnvironment } from './scripts/lib/gpu.mjs';
import { moveToOwnHome } from './scripts/lib/home.mjs';
import { hangLimitsMs } from './scripts/lib/limits.mjs';

// Here, so that whatever the tests start inherits it, the set-up of a project as well.
moveToOwnHome();
// Here, for a process's libraries are looked for where its environment said as it started.
Object.assign(process.env, softwareGpuEnvironment());

/** What the tests of a runner have in common with all others. */
const common = (name: 'unit' | 'webview' | 'ui') => ({
  name,
  include: [`test/${name}/**/*.test.ts`],
  testTimeout: hangLimitsMs[name].test,
  hookTimeout: hangLimitsMs[name].test,
  expect: { poll: { timeout: hangLimitsMs[name].wait } },
  // A failure that is seen once, on another machine, shows all of what a program wrote.
  chaiConfig: { truncateThreshold: 0 },
});

export default defineConfig({
  test: {
    // Every core: the runner leaves one out, which on two is half of them.
    maxWorkers: '100%',
    projects: [
      { test: { ...common('unit'), env: enginesEnvironment } },
      { test: { ...common('webview'), globalSetup: 'test/webview/setup.ts' } },
      {
        test: {
          ...common('ui'),
          globalSetup: 'test/ui/setup.ts',
          // Each test file drives a workbench of its own: two at once are too much for two cores.
          fileParallelism: false,
        },
      },
    ],
  },
});
