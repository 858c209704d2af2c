import { styleText } from 'node:util';
import * as l10n from '@vscode/l10n';
import type { Failure } from '../shared/failure';
import { table } from './table';

/** How a command ended; a shell's own codes where it has them. */
export const EXIT = { done: 0, failed: 1, badInput: 2, stopped: 130 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A command was interrupted, and has cleaned up. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

type Style = Parameters<typeof styleText>[0];

/** Where a command writes: results on standard output, all else on standard error. */
export class Terminal {
  readonly #closed = new AbortController();

  constructor(
    readonly output: NodeJS.WriteStream = process.stdout,
    readonly errors: NodeJS.WriteStream = process.stderr,
  ) {
    // A reader that has seen enough, such as `head`, is no failure.
    for (const stream of [output, errors]) {
      stream.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EPIPE') throw error;
        this.#closed.abort();
      });
    }
  }

  /** Aborts when nobody reads the output any more. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  print(text = ''): void {
    if (!this.closed.aborted) this.output.write(`${text}\n`);
  }

  /** A table under its titles; the columns of numbers in `rightAligned` to the right. */
  printTable(
    titles: readonly string[],
    rows: readonly (readonly string[])[],
    rightAligned: readonly number[],
  ): void {
    const [title = '', ...lines] = table([titles, ...rows], rightAligned);
    this.print(this.paint('bold', title));
    for (const line of lines) this.print(line);
  }

  note(text: string): void {
    if (!this.closed.aborted) this.errors.write(`${text}\n`);
  }

  /** A failure with its remedy, on standard error. */
  fail({ what, remedy }: Failure): void {
    this.note(`${this.paintError('red', l10n.t('error:'))} ${what}`);
    this.note(remedy);
  }

  /** `text` in a style, where the output is a terminal that shows it (NO_COLOR and FORCE_COLOR are heeded). */
  paint(style: Style, text: string): string {
    return paintFor(this.output, style, text);
  }

  paintError(style: Style, text: string): string {
    return paintFor(this.errors, style, text);
  }
}

function paintFor(stream: NodeJS.WriteStream, style: Style, text: string): string {
  return stream.isTTY && stream.hasColors() ? styleText(style, text, { validateStream: false }) : text;
}
