import type { Metrics, OutputReader, Reading } from './reading';

/**
 * Takes each metric from the format that has it first, and drops it from other formats. Some trainers write the same metric
 * in several formats, with other digits or other numbers of steps.
 */
export class FirstTold {
  /** The format of each metric. */
  readonly #formats = new Map<string, string>();

  /** Returns a reader that gives only what no other format gave before. */
  only(format: string, reader: OutputReader): OutputReader {
    const kept = (readings: readonly Reading[]) => readings.flatMap((reading) => this.#kept(format, reading));
    switch (reader.from) {
      case 'lines':
        return { from: 'lines', read: (line) => kept(reader.read(line)) };
      case 'whole':
        return { from: 'whole', read: (text) => kept(reader.read(text)) };
      case 'bytes':
        return { from: 'bytes', read: (bytes) => kept(reader.read(bytes)) };
    }
  }

  #kept(format: string, reading: Reading): Reading[] {
    switch (reading.kind) {
      case 'checkpoint':
        return [reading];
      case 'length':
        return this.#isFirst(format, 'length') ? [reading] : [];
      default: {
        const metrics = this.#metrics(format, reading.metrics);
        return metrics === null ? [] : [{ ...reading, metrics }];
      }
    }
  }

  /** Returns null if another format gave all of the metrics. */
  #metrics(format: string, { other, ...named }: Metrics): Metrics | null {
    const keptNamed = Object.entries(named).filter(([key]) => this.#isFirst(format, `metric ${key}`));
    const keptOther = Object.entries(other ?? {}).filter(([name]) => this.#isFirst(format, `other ${name}`));
    const isEmptied = keptNamed.length + keptOther.length === 0;
    if (isEmptied && (other !== undefined || Object.keys(named).length > 0)) return null;
    const metrics: Metrics = Object.fromEntries(keptNamed);
    return keptOther.length === 0 ? metrics : { ...metrics, other: Object.fromEntries(keptOther) };
  }

  #isFirst(format: string, what: string): boolean {
    const first = this.#formats.get(what);
    if (first === undefined) this.#formats.set(what, format);
    return first === undefined || first === format;
  }
}
