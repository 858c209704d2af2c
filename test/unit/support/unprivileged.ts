import { chownSync } from 'node:fs';

/** The uid of Debian's `nobody`. */
const NOBODY = 65534;

/** Runs `work` as a user to whom file permissions apply, after making that user the owner of `folder`. */
export async function unprivileged<T>(folder: string, work: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0 || !process.seteuid) return work();
  chownSync(folder, NOBODY, NOBODY);
  process.seteuid(NOBODY);
  try {
    return await work();
  } finally {
    process.seteuid(0);
  }
}
