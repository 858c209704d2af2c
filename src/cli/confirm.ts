import { createInterface } from 'node:readline/promises';

/** Asks a person; without one at a terminal, the answer is no. */
export async function confirm(
  question: string,
  { errors, closed }: { readonly errors: NodeJS.WriteStream; readonly closed?: AbortSignal },
): Promise<boolean> {
  if (!process.stdin.isTTY || !errors.isTTY) return false;
  const lines = createInterface({ input: process.stdin, output: errors });
  try {
    const answer = await lines.question(`${question} [y/N] `, closed ? { signal: closed } : {});
    return /^y(es)?$/i.test(answer.trim());
  } catch {
    return false;
  } finally {
    lines.close();
  }
}
