/**
 * All output of the command line goes through here. Its input may contain anything that a file, a folder name or a
 * run's manifest contains. Every line is therefore escaped here, whichever command it comes from. The only control
 * characters that reach a terminal are styles that a command requests with `paint`, and line breaks between lines.
 */
import { createInterface } from 'node:readline/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { styleText } from 'node:util';
import * as l10n from '@vscode/l10n';
import type { RunResult } from '../protocol/events';
import type { Failure } from '../shared/failure';
import { withLogApart } from '../shared/logApart';
import { visibleLines, visibleText } from '../shared/visibleText';
import { table } from './table';

/** Exit codes of a command, using the shell's own codes if there are any. */
export const EXIT = { done: 0, failed: 1, badInput: 2, stopped: 130 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A command was interrupted and has cleaned up. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

type Style = Parameters<typeof styleText>[0];

/** A styled text. Whether the style shows depends on the stream. */
export interface Painted {
  readonly style: Style;
  readonly text: string;
}

/** A line of output or its parts. */
export type Line = string | Painted | readonly (string | Painted)[];

/** Styles `text` if the output is a terminal with color support. Respects NO_COLOR and FORCE_COLOR. */
export function paint(style: Style, text: string): Painted {
  return { style, text };
}

export interface TerminalOptions {
  readonly output?: NodeJS.WriteStream;
  readonly errors?: NodeJS.WriteStream;
  /** Makes the commands in a text ones that a person can type. Not applied to JSON, scripts and tables. */
  readonly typed?: (text: string) => string;
}

/** The output of a command: results go to standard output, everything else to standard error. */
export class Terminal {
  readonly #closed = new AbortController();
  readonly #output: NodeJS.WriteStream;
  readonly #errors: NodeJS.WriteStream;
  readonly #typed: (text: string) => string;
  /** Whether a status line is on screen. The next write erases it. */
  #isDrawn = false;

  constructor({
    output = process.stdout,
    errors = process.stderr,
    typed = (text) => text,
  }: TerminalOptions = {}) {
    this.#output = output;
    this.#errors = errors;
    this.#typed = typed;
    // A reader that closes the pipe early, such as `head`, is not an error.
    for (const stream of [output, errors]) {
      stream.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EPIPE') throw error;
        this.#closed.abort();
      });
    }
  }

  /** Aborts when the reader of the output is gone. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** Whether a person watches the results as they appear. */
  get isInteractive(): boolean {
    return this.#output.isTTY;
  }

  get columns(): number {
    return this.#output.columns || 80;
  }

  /** Prints a line of results. */
  print(line: Line = ''): void {
    this.#write(this.#output, `${shown(this.#output, line, this.#typed)}\n`);
  }

  /**
   * Prints a JSON result for programs. Also escapes characters that JSON leaves alone but a terminal obeys (DEL, C1) or
   * hides.
   */
  printJson(value: unknown, indent?: number): void {
    this.printText(JSON.stringify(value, null, indent));
  }

  /** Prints a result of several lines, such as a script. Keeps its line breaks and tabs. */
  printText(text: string): void {
    this.#write(this.#output, `${visibleLines(text)}\n`);
  }

  /** Prints a table with titles. Columns in `rightAligned` (numbers) are aligned to the right. */
  printTable(
    titles: readonly string[],
    rows: readonly (readonly string[])[],
    rightAligned: readonly number[],
  ): void {
    const [title = '', ...lines] = table([titles, ...rows], rightAligned);
    for (const line of [paint('bold', title), ...lines]) {
      this.#write(this.#output, `${shown(this.#output, line)}\n`);
    }
  }

  /** Prints results that arrive in chunks of several lines, at the speed of the reader. */
  async printChunks(chunks: Iterable<string>): Promise<void> {
    const visible = function* () {
      for (const chunk of chunks) yield visibleLines(chunk);
    };
    this.#erase();
    await pipeline(Readable.from(visible()), this.#output, { end: false });
  }

  /** Prints a line on standard error. */
  note(line: Line): void {
    this.#write(this.#errors, `${shown(this.#errors, line, this.#typed)}\n`);
  }

  /**
   * Prints a failure with its remedy on standard error. If a process ended, includes the end of its log.
   *
   * @param logFile the full log
   */
  fail(failure: Failure, logFile?: string): void {
    const [what, ...more] = failureLines(failure, logFile);
    this.note([paint('red', l10n.t('error:')), ` ${what}`]);
    for (const line of more) this.note(line);
  }

  /** Prints the argument parser's help or error. */
  printHelp(text: string): void {
    this.#write(this.#output, visibleLines(this.#typed(text)));
  }

  noteUsage(text: string): void {
    this.#write(this.#errors, visibleLines(this.#typed(text)));
  }

  /** Asks a question on standard error. Returns null without a person at a terminal. */
  async ask(question: string): Promise<string | null> {
    if (!process.stdin.isTTY || !this.#errors.isTTY) return null;
    this.#erase();
    const lines = createInterface({ input: process.stdin, output: this.#errors });
    try {
      return await lines.question(`${visibleText(this.#typed(question))} `, { signal: this.closed });
    } catch {
      return null;
    } finally {
      lines.close();
    }
  }

  /**
   * A line on standard error that is redrawn, and cleared for any other output. Truncates long text. Returns null
   * without a terminal.
   */
  statusLine(): StatusLine | null {
    if (!this.#errors.isTTY) return null;
    // Writing in a terminal's last column leaves the cursor waiting to wrap.
    const columns = () => (this.#errors.columns || 80) - 1;
    return {
      get columns() {
        return columns();
      },
      show: (text) => {
        this.#write(this.#errors, cut(visibleText(text), columns()));
        this.#isDrawn = true;
      },
      clear: () => this.#erase(),
    };
  }

  #write(stream: NodeJS.WriteStream, text: string): void {
    this.#erase();
    if (!this.closed.aborted) stream.write(text);
  }

  /** Erases the status line before other output takes its place. */
  #erase(): void {
    if (this.#isDrawn && !this.closed.aborted) this.#errors.write('\r\x1b[K');
    this.#isDrawn = false;
  }
}

/** A line that can be redrawn. */
export interface StatusLine {
  /** Available width in characters. */
  readonly columns: number;
  show(text: string): void;
  clear(): void;
}

/** Number of log lines to print with a failure. */
const LOG_LINES = 4;

/**
 * Formats a failure: what happened, the remedy, and the end of its log. Log lines are indented, so that none looks like
 * a line of this program.
 *
 * @param logFile path of the full log
 */
export function failureLines(failure: Failure, logFile?: string): string[] {
  const { what, remedy, log } = withLogApart(failure);
  return [
    what,
    remedy,
    ...logLines(log),
    ...(logFile === undefined ? [] : [l10n.t('Full log: {0}', logFile)]),
  ];
}

/** The notes on a run's result, with the last lines of its output if no metrics were found in it. */
export function noteLines(
  { notes = [], output }: Pick<RunResult, 'notes' | 'output'>,
  logFile?: string,
): string[] {
  if (notes.length === 0) return [];
  return [
    ...notes,
    ...logLines(output),
    ...(output === undefined || logFile === undefined ? [] : [l10n.t('Full log: {0}', logFile)]),
  ];
}

/** The last lines of a failure's log, indented. */
export function logLines(log: string | undefined): string[] {
  if (log === undefined) return [];
  return log
    .split('\n')
    .slice(-LOG_LINES)
    .map((line) => `  ${line}`);
}

function shown(
  stream: NodeJS.WriteStream,
  line: Line,
  typed: (text: string) => string = (text) => text,
): string {
  const visible = (text: string) => visibleText(typed(text));
  const parts = Array.isArray(line) ? line : [line];
  return parts
    .map((part: string | Painted) =>
      typeof part === 'string' ? visible(part) : painted(stream, part.style, visible(part.text)),
    )
    .join('');
}

function painted(stream: NodeJS.WriteStream, style: Style, text: string): string {
  return stream.isTTY && stream.hasColors() ? styleText(style, text, { validateStream: false }) : text;
}

/** Cuts a text to at most `columns` characters and marks the cut with an ellipsis. */
function cut(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, Math.max(columns - 1, 0))}…`;
}
