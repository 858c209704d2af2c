import type { Terminal } from './terminal';

/** Asks a yes/no question. Without a person at a terminal, the answer is no. */
export async function confirm(terminal: Terminal, question: string): Promise<boolean> {
  const answer = await terminal.ask(`${question} [y/N]`);
  return answer !== null && /^y(es)?$/i.test(answer.trim());
}
