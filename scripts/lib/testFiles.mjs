// @ts-check
// How the runner treats unit test files.

/**
 * Folders of test/unit with tests of pure code. No file of them changes what another one of the same process sees, so
 * they share a process and the modules that it has loaded. Importing these modules anew for each file takes a third of
 * their time. See docs/performance.md.
 */
export const pureFolders = ['experiment', 'insight', 'interop', 'protocol', 'recipe', 'shared', 'study'];

/** Files in these folders that are not pure. */
export const impureFiles = ['test/unit/interop/onnx.test.ts'];

/** The unit test files that take longest, longest first. They start first, so that no core waits for one at the end. */
export const longestFiles = [
  'test/unit/cli/tricks.test.ts',
  'test/unit/cli/study.test.ts',
  'test/unit/trainer/resume.test.ts',
  'test/unit/backends/ops.test.ts',
  'test/unit/studies/worker.test.ts',
  'test/unit/training/network.test.ts',
  'test/unit/trainer/images.test.ts',
];
