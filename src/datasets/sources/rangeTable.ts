import { LabelsBuilder, NameTableBuilder } from '../growing';
import type { SplitTable } from '../table';
import { GrowingNumbers } from './growingNumbers';
import type { LabelNumbers } from './labelTexts';

/** Collects images that are parts of larger files. */
export class RangeTableBuilder {
  readonly #file = new GrowingNumbers(Uint32Array);
  readonly #offset = new GrowingNumbers(Float64Array);
  readonly #length = new GrowingNumbers(Uint32Array);
  readonly #names = new NameTableBuilder();
  readonly #labels = new LabelsBuilder();

  /** @param label its number in `LabelTexts` */
  add(image: { file: number; offset: number; length: number; name: string; label: number }): void {
    this.#file.push(image.file);
    this.#offset.push(image.offset);
    this.#length.push(image.length);
    this.#names.add(image.name);
    this.#labels.add(image.label);
  }

  /** Returns the table with resolved labels, and empties the builder. */
  build(files: readonly string[], { labelOf }: LabelNumbers): Extract<SplitTable, { kind: 'ranges' }> {
    const labels = this.#labels.finish();
    for (const [image, text] of labels.entries()) labels[image] = labelOf(text);
    return {
      kind: 'ranges',
      files,
      file: this.#file.share(),
      offset: this.#offset.share(),
      length: this.#length.share(),
      names: this.#names.finish(),
      labels,
    };
  }
}
