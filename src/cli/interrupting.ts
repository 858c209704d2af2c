import { Interrupted, type Terminal } from './terminal';

/**
 * Runs work that aborts on an interrupt, or when the reader closes the output.
 *
 * @param work its signal aborts with `Interrupted`
 */
export async function interruptible<Result>(
  terminal: Terminal,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController();
  const interrupt = () => controller.abort(new Interrupted());
  terminal.closed.addEventListener('abort', interrupt, { once: true });
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt).on('SIGHUP', interrupt);
  try {
    return await work(controller.signal);
  } finally {
    terminal.closed.removeEventListener('abort', interrupt);
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt).off('SIGHUP', interrupt);
  }
}
