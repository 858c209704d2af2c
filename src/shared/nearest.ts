/** Longer than any searched name. */
const LONGEST = 100;

/**
 * Returns the name that was probably meant. Allows at most one mistake per three letters. In a three-letter name,
 * allows only two swapped letters or one extra letter. Ignores case, hyphens and underscores. Ties go to the first.
 */
export function nearest(written: string, allowed: readonly string[]): string | undefined {
  if (written.length > LONGEST) return undefined;
  const word = folded(written);
  let best: { readonly name: string; readonly mistakes: number } | undefined;
  for (const name of allowed) {
    const mistakes = distance(word, folded(name));
    if (mistakes < (best?.mistakes ?? Number.POSITIVE_INFINITY) && isNear(word, folded(name), mistakes)) {
      best = { name, mistakes };
    }
  }
  return best?.name;
}

/** Returns the most similar name, however different; undefined if there are no names. */
export function closest(written: string, names: readonly string[]): string | undefined {
  const word = folded(written.slice(0, LONGEST));
  let best: { readonly name: string; readonly mistakes: number } | undefined;
  for (const name of names) {
    const mistakes = distance(word, folded(name));
    if (!best || mistakes < best.mistakes) best = { name, mistakes };
  }
  return best?.name;
}

/** Removes differences in spelling from a name: case, hyphens, underscores and spaces. */
export function folded(name: string): string {
  return name.toLowerCase().replace(/[-_ ]/g, '');
}

function isNear(word: string, name: string, mistakes: number): boolean {
  if (mistakes === 0) return true;
  if (name.length > 3) return mistakes <= Math.max(1, name.length / 3);
  if (name.length < 3 || mistakes > 1) return false;
  return word.length > name.length || [...word].sort().join() === [...name].sort().join();
}

/**
 * Returns the number of letters to substitute, insert, delete or swap with their neighbor to turn one word into the
 * other (optimal string alignment).
 */
export function distance(one: string, other: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, j) => j);
  for (let i = 1; i <= one.length; i++) {
    const row = [i];
    for (let j = 1; j <= other.length; j++) {
      const isSame = one[i - 1] === other[j - 1];
      let least = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (isSame ? 0 : 1));
      const isExchanged = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      if (isExchanged) least = Math.min(least, beforeLast[j - 2]! + 1);
      row.push(least);
    }
    beforeLast = last;
    last = row;
  }
  return last[other.length]!;
}
