import { isMapping } from '../../shared/values';
import { LabelsBuilder, NameTableBuilder } from '../growing';
import type { SplitName } from '../listedSplits';
import { Places } from '../problems';
import type { NameTable } from '../table';
import type { Column } from './columnFile';
import { GrowingNumbers } from './growingNumbers';
import { LabelTexts } from './labelTexts';

export const PARQUET_SPLITS = ['train', 'validation', 'test'] as const satisfies readonly SplitName[];

/** Unusable rows: their number, and the first few of them. */
export interface Skipped {
  readonly count: number;
  readonly where: readonly string[];
}

export interface SkippedRows {
  readonly unlabeled: Readonly<Record<SplitName, Skipped>>;
  readonly imageless: Skipped;
  readonly outside: Skipped;
}

/** What is kept of a Parquet data set apart from the image bytes: one row per image. */
export interface ParquetTable {
  /** Whether images are bytes in the pack file or separate files. */
  readonly kind: 'bytes' | 'paths';
  readonly classNames: readonly string[] | null;
  readonly labelTexts: LabelTexts;
  readonly skipped: SkippedRows;
  /** Per image: its index in PARQUET_SPLITS, and its label's number in `labelTexts`. */
  readonly splits: Uint8Array;
  readonly labels: Uint32Array;
  /** Per image: its range in the pack file, in bytes. */
  readonly offsets: Float64Array;
  readonly lengths: Uint32Array;
  readonly names: NameTable;
  /** Per image: its value in the `group_by` column, empty if it has none. Null if no column is requested. */
  readonly groups: NameTable | null;
}

export interface ParquetImage {
  readonly split: SplitName;
  readonly label: string;
  readonly offset: number;
  readonly length: number;
  readonly name: string;
  readonly group: string | null;
}

/** Collects a table row by row. */
export class ParquetTableBuilder {
  readonly #labelTexts = new LabelTexts();
  readonly #skipped = {
    ...{ train: new Places(), validation: new Places(), test: new Places() },
    ...{ imageless: new Places(), outside: new Places() },
  };
  readonly #splits = new LabelsBuilder();
  readonly #labels = new LabelsBuilder();
  readonly #offsets = new GrowingNumbers(Float64Array);
  readonly #lengths = new LabelsBuilder();
  readonly #names = new NameTableBuilder();
  readonly #groups: NameTableBuilder | null;

  constructor(isGrouped: boolean) {
    this.#groups = isGrouped ? new NameTableBuilder() : null;
  }

  add({ split, label, offset, length, name, group }: ParquetImage): void {
    this.#splits.add(PARQUET_SPLITS.indexOf(split));
    this.#labels.add(split === 'train' ? this.#labelTexts.ofTraining(label) : this.#labelTexts.other(label));
    this.#offsets.push(offset);
    this.#lengths.add(length);
    this.#names.add(name);
    this.#groups?.add(group ?? '');
  }

  /** @param reason a split if the row has no label */
  skip(reason: 'imageless' | 'outside' | SplitName, where: string): void {
    this.#skipped[reason].add(where);
  }

  finish(kind: ParquetTable['kind'], classNames: readonly string[] | null): ParquetTable {
    const { train, validation, test, imageless, outside } = this.#skipped;
    const skipped = ({ count, named: where }: Places) => ({ count, where });
    return {
      kind,
      classNames,
      labelTexts: this.#labelTexts,
      skipped: {
        unlabeled: { train: skipped(train), validation: skipped(validation), test: skipped(test) },
        imageless: skipped(imageless),
        outside: skipped(outside),
      },
      splits: Uint8Array.from(this.#splits.finish()),
      labels: this.#labels.finish(),
      offsets: this.#offsets.share(),
      lengths: this.#lengths.finish(),
      names: this.#names.finish(),
      groups: this.#groups?.finish() ?? null,
    };
  }
}

/** The part of a table that goes into the file header. The rest are columns. */
interface StoredContent {
  readonly kind: ParquetTable['kind'];
  readonly classNames: readonly string[] | null;
  readonly texts: readonly string[];
  /** Numbers of the label texts that training images use. */
  readonly trained: readonly number[];
  readonly skipped: SkippedRows;
}

/** Returns a table in the form that `writeColumns` takes. */
export function storedTable(table: ParquetTable): {
  content: StoredContent;
  columns: Record<string, Column>;
} {
  const { kind, classNames, labelTexts, skipped, names, groups } = table;
  const { texts } = labelTexts;
  const trained = [...texts.keys()].filter((number) => labelTexts.isInTraining(number));
  const { splits, labels, offsets, lengths } = table;
  return {
    content: { kind, classNames, texts, trained, skipped },
    columns: {
      ...{ splits, labels, offsets, lengths, nameText: names.text, nameStarts: names.starts },
      ...(groups && { groupText: groups.text, groupStarts: groups.starts }),
    },
  };
}

/** Restores a stored table; null if it is another kind of table. */
export function tableFrom(stored: {
  content: unknown;
  columns: ReadonlyMap<string, Column>;
}): ParquetTable | null {
  if (!isMapping(stored.content)) return null;
  const { kind, classNames, texts, trained, skipped } = stored.content as unknown as StoredContent;
  const column = <Type extends Column>(name: string, type: new (length: number) => Type): Type | null => {
    const found = stored.columns.get(name);
    return found instanceof type ? found : null;
  };
  const nameTable = (name: string): NameTable | null => {
    const text = column(`${name}Text`, Uint8Array);
    const starts = column(`${name}Starts`, Float64Array);
    return text && starts && { text, starts };
  };
  const splits = column('splits', Uint8Array);
  const labels = column('labels', Uint32Array);
  const offsets = column('offsets', Float64Array);
  const lengths = column('lengths', Uint32Array);
  const names = nameTable('name');
  if (!splits || !labels || !offsets || !lengths || !names) return null;
  const labelTexts = LabelTexts.restored(texts, trained);
  return {
    kind,
    classNames,
    labelTexts,
    skipped,
    splits,
    labels,
    offsets,
    lengths,
    names,
    groups: nameTable('group'),
  };
}
