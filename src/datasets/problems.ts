import * as l10n from '@vscode/l10n';
import { compareCodePoints } from './codePoints';
import type { DataProblem } from './listing';

/** The maximum number of places kept per problem. All are counted. */
export const PLACES_NAMED = 10;

/** The maximum number of places named in a sentence. */
const PLACES_SHOWN = 3;

/** Collects the places of one problem: counts all, keeps the first few. */
export class Places {
  private readonly first: string[] = [];
  private found = 0;

  /** @param order `sorted` by code point if the order of discovery is arbitrary */
  constructor(private readonly order: 'found' | 'sorted' = 'found') {}

  add(place: string, count = 1): void {
    if (this.first.length < PLACES_NAMED) this.first.push(place);
    this.found += count;
  }

  get count(): number {
    return this.found;
  }

  get named(): readonly string[] {
    return this.order === 'found' ? this.first : [...this.first].sort(compareCodePoints);
  }

  /** Returns the problem with these places; empty without places. */
  problem(of: (named: string, count: number) => Omit<DataProblem, 'count' | 'where'>): DataProblem[] {
    if (this.found === 0) return [];
    const { named: where, found: count } = this;
    return [{ ...of(listed(where, count), count), count, where }];
  }
}

/** Lists the first places for a sentence. */
function listed(first: readonly string[], count: number): string {
  const shown = first.slice(0, PLACES_SHOWN).join(', ');
  return count > PLACES_SHOWN ? l10n.t('{0} and others', shown) : shown;
}
