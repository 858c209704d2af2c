import { defineConfig } from 'vitest/config';
import { enginesEnvironment } from './scripts/lib/engines.mjs';
import { softwareGpuEnvironment } from './scripts/lib/gpu.mjs';

// Here, for a process's libraries are looked for where its environment said as it started.
Object.assign(process.env, softwareGpuEnvironment());

// A failure that is seen once, on another machine, shows all of what a program wrote.
const chaiConfig = { truncateThreshold: 0 };

export default defineConfig({
  test: {
    // Every core: the runner leaves one out, which on two is half of them.
    maxWorkers: '100%',
    projects: [
      {
        test: {
          name: 'unit',
          chaiConfig,
          include: ['test/unit/**/*.test.ts'],
          env: enginesEnvironment,
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'webview',
          chaiConfig,
          include: ['test/webview/**/*.test.ts'],
          globalSetup: 'test/webview/setup.ts',
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'ui',
          chaiConfig,
          include: ['test/ui/**/*.test.ts'],
          globalSetup: 'test/ui/setup.ts',
          // Each test file drives a workbench of its own: two at once are too much for two cores.
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
