/**
 * Generators of two-level fractional factorials with minimum aberration (Fries and Hunter 1980): among all regular
 * designs with as many factors and runs, these have the fewest short words. Indexed by number of factors, then by log2
 * of the number of runs. Factors are A to H, J and K. Base factors come first, and each word gives the next factor as a
 * product.
 *
 * Sources: Box, Hunter and Hunter, Statistics for Experimenters (2005), table 6.22; Montgomery, Design and Analysis of
 * Experiments, table 8.14; NIST/SEMATECH e-Handbook, 5.3.3.4.7; for 16, 32 and 64 runs also Chen, Sun and Wu 1993. The
 * word for ten factors in 256 runs is chosen for the lengths 6, 7, 7, the best possible for three words.
 */
export const GENERATORS: Readonly<Record<number, Readonly<Record<number, readonly string[]>>>> = {
  1: { 1: [] },
  2: { 2: [] },
  3: { 2: ['AB'], 3: [] },
  4: { 3: ['ABC'], 4: [] },
  5: { 3: ['AB', 'AC'], 4: ['ABCD'], 5: [] },
  6: { 3: ['AB', 'AC', 'BC'], 4: ['ABC', 'BCD'], 5: ['ABCDE'], 6: [] },
  7: {
    3: ['AB', 'AC', 'BC', 'ABC'],
    4: ['ABC', 'BCD', 'ACD'],
    5: ['ABCD', 'ABDE'],
    6: ['ABCDEF'],
    7: [],
  },
  8: {
    4: ['BCD', 'ACD', 'ABC', 'ABD'],
    5: ['ABC', 'ABD', 'BCDE'],
    6: ['ABCD', 'ABEF'],
    7: ['ABCDEFG'],
    8: [],
  },
  9: {
    4: ['ABC', 'BCD', 'ACD', 'ABD', 'ABCD'],
    5: ['BCDE', 'ACDE', 'ABDE', 'ABCE'],
    6: ['ABCD', 'ACEF', 'CDEF'],
    7: ['ACDFG', 'BCEFG'],
    8: ['ABCDEFGH'],
    9: [],
  },
  10: {
    4: ['ABC', 'BCD', 'ACD', 'ABD', 'ABCD', 'AB'],
    5: ['ABCD', 'ABCE', 'ABDE', 'ACDE', 'BCDE'],
    6: ['BCDF', 'ACDF', 'ABDE', 'ABCE'],
    7: ['ABCG', 'BCDE', 'ACDF'],
    8: ['ABCDE', 'ABCFGH'],
    9: ['ABCDEFGHJ'],
    10: [],
  },
};

/** Maximum number of factors in the table. */
export const MOST_REGULAR_FACTORS = 10;

/** Letters of the factors, as in the literature: without I, which denotes the mean. */
export const FACTOR_LETTERS = 'ABCDEFGHJK';
