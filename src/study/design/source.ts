import type { DesignKind, StudyBlock, StudySetting } from '../../protocol/study';
import { randomStream, shuffled } from './random';

/** An endless sequence of same-sized blocks. Its first blocks do not depend on how many are taken. */
export interface BlockSource {
  readonly kind: DesignKind;
  readonly runsPerBlock: number;
  /** Returns the settings of a block, counted from 0. */
  settingsOf(block: number): readonly StudySetting[];
}

/** Returns a source with the same settings in every block. */
export function repeating(kind: DesignKind, settings: readonly StudySetting[]): BlockSource {
  return { kind, runsPerBlock: settings.length, settingsOf: () => settings };
}

/**
 * Returns blocks `from` to `to` - 1 of a source, each in its own random order. The order depends only on the seed, the
 * block's number and its set of settings.
 */
export function blocksOf(source: BlockSource, from: number, to: number, randomSeed: number): StudyBlock[] {
  return Array.from({ length: Math.max(to - from, 0) }, (_, i) => ({
    settings: shuffled(inOrder(source.settingsOf(from + i)), randomStream(randomSeed, from + i)),
  }));
}

function inOrder(settings: readonly StudySetting[]): StudySetting[] {
  return [...settings].sort((a, b) => {
    const differing = a.findIndex((level, factor) => level !== b[factor]);
    return (a[differing] ?? 0) - (b[differing] ?? 0);
  });
}
