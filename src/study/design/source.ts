import type { DesignKind, StudyBlock, StudySetting } from '../../protocol/study';
import { randomStream, shuffled } from './random';

/** An endless sequence of blocks of one size. Its first blocks are the same however many are taken. */
export interface BlockSource {
  readonly kind: DesignKind;
  readonly runsPerBlock: number;
  /** The settings of a block, counted from 0. */
  settingsOf(block: number): readonly StudySetting[];
}

/** A source whose every block runs the same settings. */
export function repeating(kind: DesignKind, settings: readonly StudySetting[]): BlockSource {
  return { kind, runsPerBlock: settings.length, settingsOf: () => settings };
}

/**
 * Blocks `from` to `to` - 1 of a source, each in a random order of its own, which depends on the seed, the block's number and
 * its set of settings alone.
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
