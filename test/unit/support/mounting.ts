import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';

/**
 * Whether the test can mount a small disk to fill up: needs root on Linux. Otherwise, tests that need one are skipped.
 */
export const canMount = (() => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  try {
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir()], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
})();
