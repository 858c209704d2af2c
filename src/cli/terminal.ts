/**
 * The one place where the command line writes. What it is given may hold anything that a file, a folder's name or a
 * run's manifest holds, so each line is made visible here, whatever command it comes from: only styles that a command
 * asks for by `paint`, and line breaks between lines, reach a terminal as control characters.
 */
import { createInterface } from 'node:readline/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { styleText } from 'node:util';
import * as l10n from '@vscode/l10n';
import { type Options as BarOptions, MultiBar } from 'cli-progress';
import type { Failure } from '../shared/failure';
import { visibleLines, visibleText } from '../shared/visibleText';
import { table } from './table';

/** How a command ended; a shell's own codes where it has them. */
export const EXIT = { done: 0, failed: 1, badInput: 2, stopped: 130 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A command was interrupted, and has cleaned up. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

type Style = Parameters<typeof styleText>[0];

/** A text in a style, which the stream that it is written to may show. */
export interface Painted {
  readonly style: Style;
  readonly text: string;
}

/** A line of output, or its parts. */
export type Line = string | Painted | readonly (string | Painted)[];

/** `text` in a style, where the output is a terminal that shows it (NO_COLOR and FORCE_COLOR are heeded). */
export function paint(style: Style, text: string): Painted {
  return { style, text };
}

/** Where a command writes: results on standard output, all else on standard error. */
export class Terminal {
  readonly #closed = new AbortController();
  readonly #output: NodeJS.WriteStream;
  readonly #errors: NodeJS.WriteStream;

  constructor(output: NodeJS.WriteStream = process.stdout, errors: NodeJS.WriteStream = process.stderr) {
    this.#output = output;
    this.#errors = errors;
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

  /** Whether a person sees results as they come. */
  get isInteractive(): boolean {
    return this.#output.isTTY;
  }

  get columns(): number {
    return this.#output.columns ?? 80;
  }

  /** A line of results. */
  print(line: Line = ''): void {
    this.#write(this.#output, `${shown(this.#output, line)}\n`);
  }

  /** A result for programs; what JSON leaves as it is and a terminal obeys (DEL, C1) or hides is escaped as well. */
  printJson(value: unknown, indent?: number): void {
    this.printText(JSON.stringify(value, null, indent));
  }

  /** A result of several lines, such as a script: its line breaks and tabs stay. */
  printText(text: string): void {
    this.#write(this.#output, `${visibleLines(text)}\n`);
  }

  /** A table under its titles; the columns of numbers in `rightAligned` to the right. */
  printTable(
    titles: readonly string[],
    rows: readonly (readonly string[])[],
    rightAligned: readonly number[],
  ): void {
    const [title = '', ...lines] = table([titles, ...rows], rightAligned);
    this.print(paint('bold', title));
    for (const line of lines) this.print(line);
  }

  /** Results that come in chunks of several lines, written as fast as they are read. */
  async printChunks(chunks: Iterable<string>): Promise<void> {
    const visible = function* () {
      for (const chunk of chunks) yield visibleLines(chunk);
    };
    await pipeline(Readable.from(visible()), this.#output, { end: false });
  }

  /** A line on standard error. */
  note(line: Line): void {
    this.#write(this.#errors, `${shown(this.#errors, line)}\n`);
  }

  /** A failure with its remedy, on standard error; of a process that ended, with its last words. */
  fail({ what, remedy }: Failure): void {
    const [first, ...more] = failureLines(what);
    this.note([paint('red', l10n.t('error:')), ` ${first}`]);
    for (const line of [...more, remedy]) this.note(line);
  }

  /** What the parser of arguments says: its help, or an error. */
  printHelp(text: string): void {
    this.#write(this.#output, visibleLines(text));
  }

  noteUsage(text: string): void {
    this.#write(this.#errors, visibleLines(text));
  }

  /** Asks a person, on standard error; null where there is none at a terminal. */
  async ask(question: string): Promise<string | null> {
    if (!process.stdin.isTTY || !this.#errors.isTTY) return null;
    const lines = createInterface({ input: process.stdin, output: this.#errors });
    try {
      return await lines.question(`${visibleText(question)} `, { signal: this.closed });
    } catch {
      return null;
    } finally {
      lines.close();
    }
  }

  /** A line on standard error that is drawn anew; null where that is no terminal. */
  statusLine(): StatusLine | null {
    const errors = this.#errors;
    if (!errors.isTTY) return null;
    return {
      show: (text) => this.#write(errors, `\r\x1b[K${visibleText(text)}`),
      clear: () => this.#write(errors, '\r\x1b[K'),
    };
  }

  /** Bars below what is printed, whose texts are made visible as everything else. */
  bars(options: BarOptions): Bars {
    const bars = new MultiBar({
      barCompleteChar: '█',
      barIncompleteChar: '░',
      stream: this.#output,
      hideCursor: true,
      clearOnComplete: true,
      forceRedraw: true,
      gracefulExit: false,
      ...options,
    });
    return {
      start: (total, values) => {
        const bar = bars.create(total, 0, visibleValues(values));
        return { update: (value, changed) => bar.update(value, visibleValues(changed)) };
      },
      log: (line) => bars.log(`${visibleText(line)}\n`),
      end: () => {
        // Draws what was logged last.
        if (bars.isActive) bars.update();
        bars.stop();
      },
    };
  }

  #write(stream: NodeJS.WriteStream, text: string): void {
    if (!this.closed.aborted) stream.write(text);
  }
}

/** A line that is drawn anew. */
export interface StatusLine {
  show(text: string): void;
  clear(): void;
}

/** The values that a bar's format names, in braces. */
type BarValues = Readonly<Record<string, string>>;

export interface Bar {
  update(value: number, values: BarValues): void;
}

/** Bars at the foot of a terminal. */
export interface Bars {
  start(total: number, values: BarValues): Bar;
  /** A line above the bars. */
  log(line: string): void;
  /** Leaves the terminal as it was. */
  end(): void;
}

function visibleValues(values: BarValues): BarValues {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, visibleText(value)]));
}

/**
 * The lines of what failed: a trainer's last words are several, and each after the first is indented, so that none
 * passes for a line of this program.
 */
export function failureLines(what: string): string[] {
  return what.split(/\r?\n/).map((line, index) => (index === 0 ? line : `  ${line}`));
}

function shown(stream: NodeJS.WriteStream, line: Line): string {
  const parts = Array.isArray(line) ? line : [line];
  return parts
    .map((part: string | Painted) =>
      typeof part === 'string' ? visibleText(part) : painted(stream, part.style, visibleText(part.text)),
    )
    .join('');
}

function painted(stream: NodeJS.WriteStream, style: Style, text: string): string {
  return stream.isTTY && stream.hasColors() ? styleText(style, text, { validateStream: false }) : text;
}
