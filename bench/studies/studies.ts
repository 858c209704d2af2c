/**
 * Whether what a study says holds: simulates studies whose truth is known, analyses them, and counts how often intervals
 * cover it and how often verdicts err. Writes docs/studies.md's tables.
 *
 *     node bench/bundle.mjs studies/studies && node dist/bench/studies.js [never] [early] [broken] [images] [spending]
 *         [--studies 10000] [--seconds 600] [--write]
 */

import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { Spending } from '../../src/study/analysis/looks/boundaries';
import { powerSpending } from '../../src/study/analysis/looks/spending';
import {
  ALONE,
  CUBE,
  type Design,
  FULL,
  HALF,
  OPTIMAL,
  OPTIMAL_CUBE,
  OPTIMAL_SMALL,
  PB12,
  QUARTER,
} from './designs';
import { type Row, simulate, type Tally } from './simulate';
import {
  binomial,
  diverging,
  effectsOf,
  interacting,
  LARGE,
  MIXED,
  NONE,
  newImages,
  noisy,
  plain,
  SMALL,
} from './worlds';

const SEED = 20261129;
const NEVER = { stop: 'never', images: 'shared', smallestEffect: 0.2 } as const;
const EARLY = { ...NEVER, stop: 'when_decided' } as const;

const DESIGNS: readonly (readonly [Design, number])[] = [
  [HALF, 2],
  [FULL, 2],
  [QUARTER, 4],
  [PB12, 2],
  [OPTIMAL, 2],
  [OPTIMAL_SMALL, 2],
  [OPTIMAL_CUBE, 2],
  [ALONE, 4],
];
const LOOKED_AT: readonly (readonly [Design, number])[] = [
  [HALF, 4],
  [QUARTER, 8],
  [CUBE, 6],
  [PB12, 4],
  [OPTIMAL, 4],
  [OPTIMAL_SMALL, 4],
  [ALONE, 8],
];
const PATTERNS = [
  ['none', NONE],
  ['small (0.2)', SMALL],
  ['large (0.6)', LARGE],
  ['mixed', MIXED],
] as const;
const SPENDINGS: readonly (readonly [string, Spending])[] = [
  ['power 1', powerSpending(1)],
  ['power 1.5', powerSpending(1.5)],
  ['power 2', powerSpending(2)],
  ['power 3', powerSpending(3)],
];

const groups: Readonly<Record<string, () => Row[]>> = {
  never: () =>
    DESIGNS.flatMap(([design, blocks]) =>
      PATTERNS.map(([name, pattern]) => ({
        name,
        design,
        blocks,
        world: plain(effectsOf(design, pattern)),
        input: NEVER,
      })),
    ),
  early: () =>
    LOOKED_AT.flatMap(([design, blocks]) =>
      PATTERNS.map(([name, pattern]) => ({
        name,
        design,
        blocks,
        world: plain(effectsOf(design, pattern)),
        input: EARLY,
      })),
    ),
  spending: () =>
    [HALF, QUARTER].flatMap((design, index) =>
      PATTERNS.slice(0, 3).flatMap(([name, pattern]) => [
        ...SPENDINGS.map(([spendingName, spending]) => ({
          name: `${name}, ${spendingName}`,
          design,
          blocks: index === 0 ? 4 : 8,
          world: plain(effectsOf(design, pattern)),
          input: EARLY,
          spending,
        })),
        {
          name: `${name}, no looks`,
          design,
          blocks: index === 0 ? 4 : 8,
          world: plain(effectsOf(design, pattern)),
          input: NEVER,
        },
      ]),
    ),
  broken: () =>
    DESIGNS.flatMap(([design, blocks]) => {
      const effects = effectsOf(design, MIXED);
      const near99 = effectsOf(design, [0, 0.4, 0, -0.2, 0.1]);
      return [
        ['interactions', interacting(effects)] as const,
        ['threefold noise of one level', noisy(effects)] as const,
        ['binomial near 99%', binomial(near99)] as const,
        ['5% divergence of one level', diverging(effects)] as const,
      ].map(([name, world]) => ({ name, design, blocks, world, input: NEVER }));
    }),
  images: () =>
    [[HALF, 2] as const, [QUARTER, 4] as const, [PB12, 2] as const, [ALONE, 4] as const].flatMap(
      ([design, blocks]) =>
        [[2000, false] as const, [500, false] as const, [1000, true] as const].map(([images, areFolds]) => ({
          name: areFolds ? `folds of ${images} images` : `${images} images`,
          design,
          blocks,
          world: newImages(design, [0, 0.05, 0, -0.03, 0.02], images, areFolds),
          input: { ...NEVER, images: areFolds ? ('folds' as const) : ('shared' as const) },
        })),
    ),
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    studies: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '600' },
    write: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
});

const percent = (share: number) => `${(100 * share).toFixed(1)}%`;

function line(row: Row, tally: Tally): string {
  return [
    row.design.name,
    row.blocks,
    row.name,
    tally.studies,
    percent(tally.coverage),
    percent(tally.leastCoverage),
    percent(tally.coverageOfRuns),
    percent(tally.falseDifferent),
    percent(tally.falseTooSmall),
    tally.halfWidth.toFixed(3),
    percent(tally.decided),
    percent(tally.withheld),
    percent(tally.stoppedEarly),
    tally.blocks.toFixed(2),
    tally.msPerAnalysis.toFixed(2),
  ].join(' | ');
}

console.log(`${cpus()[0]?.model}, ${availableParallelism()} processors, seed ${SEED}`);
console.log(
  'design | blocks | truth | studies | covered | least | runs alone | false diff | false small | half | decided | withheld | early | blocks | ms',
);
for (const name of positionals.length > 0 ? positionals : Object.keys(groups)) {
  for (const row of groups[name]?.() ?? []) {
    if (!`${row.design.name}, ${row.name}`.match(values.only)) continue;
    console.log(line(row, simulate(row, SEED, Number(values.studies), Number(values.seconds))));
  }
}
