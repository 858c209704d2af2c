import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';

/** Whether a small disk can be mounted, to be filled: a privileged user's on Linux. Tests skip what needs one. */
export const canMount = (() => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  try {
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir()], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
})();
