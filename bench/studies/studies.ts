/**
 * Validates the statistics of studies: simulates studies with known truth, analyzes them, and counts how often
 * intervals cover the truth and how often verdicts are wrong. Writes the tables of docs/studies.md.
 *
 *     node bench/bundle.mjs studies/studies && node dist/bench/studies.js [never] [early] [broken] [images] [spending]
 *         [--studies 10000] [--seconds 600] [--write]
 */

import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import normalCdf from '@stdlib/stats-base-dists-normal-cdf';
import normalQuantile from '@stdlib/stats-base-dists-normal-quantile';
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
  MEDIUM,
  MIXED,
  NONE,
  newImages,
  noisy,
  plain,
  SMALL,
} from './worlds';

const SEED = 20261129;
const DOCUMENT = 'docs/studies.md';
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
/** Spending functions that approximate the O'Brien-Fleming and Pocock boundaries (Lan and DeMets 1983). */
const likeOBrienFleming: Spending = (information, level) =>
  4 * normalCdf(normalQuantile(level / 4, 0, 1) / Math.sqrt(information), 0, 1);
const likePocock: Spending = (information, level) => level * Math.log(1 + (Math.E - 1) * information);
const SIZES = [
  ['none', NONE],
  ['small (0.2)', SMALL],
  ['medium (0.4)', MEDIUM],
  ['large (0.6)', LARGE],
] as const;
const SPENDINGS: readonly (readonly [string, Spending])[] = [
  ['Pocock', likePocock],
  ['power 1', powerSpending(1)],
  ['power 2', powerSpending(2)],
  ['power 3', powerSpending(3)],
  ["O'Brien-Fleming", likeOBrienFleming],
];

const groups: Readonly<Record<string, () => Row[]>> = {
  never: () =>
    DESIGNS.flatMap(([design, blocks]) =>
      // Large effects are skipped: coverage does not depend on the truth, and they are always found.
      PATTERNS.filter(([name]) => !name.startsWith('large')).map(([name, pattern]) => ({
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
    [[HALF, 4] as const, [QUARTER, 8] as const].flatMap(([design, blocks]) =>
      SIZES.flatMap(([size, pattern]) => {
        const common = { design, blocks, world: plain(effectsOf(design, pattern)) };
        return [
          { ...common, name: `${size}; no looks`, input: { ...NEVER, smallestEffect: 0.25 } },
          ...SPENDINGS.map(([name, spending]) => ({
            ...common,
            name: `${size}; ${name}`,
            input: { ...EARLY, smallestEffect: 0.25 },
            spending,
          })),
        ];
      }),
    ),
  broken: () =>
    DESIGNS.flatMap(([design, blocks]) => {
      const effects = effectsOf(design, MIXED);
      const near99 = effectsOf(design, [0, 0.4, 0, -0.2, 0.1]);
      return [
        ['interactions', interacting(effects, design.kind === 'one_at_a_time')] as const,
        ['3x noise at one level', noisy(effects)] as const,
        ['binomial near 99%', binomial(near99)] as const,
        ['5% divergence at one level', diverging(effects)] as const,
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

type Column = readonly [string, (row: Row, tally: Tally) => string | number];
const COMMON: readonly Column[] = [
  ['design', (row) => row.design.name],
  ['blocks', (row) => row.blocks],
  ['truth', (row) => row.name],
  ['studies', (_, tally) => tally.studies],
  ['covered', (_, tally) => percent(tally.coverage)],
  ['least', (_, tally) => percent(tally.leastCoverage)],
];
const ERRORS: readonly Column[] = [
  ['false helps or hurts', (_, tally) => percent(tally.falseDifferent)],
  ['false too small', (_, tally) => percent(tally.falseTooSmall)],
];
const REST: readonly Column[] = [
  ['half-width', (_, tally) => tally.halfWidth.toFixed(3)],
  ['decided', (_, tally) => percent(tally.decided)],
];
const LOOKS: readonly Column[] = [
  ['stopped early', (_, tally) => percent(tally.stoppedEarly)],
  ['blocks run', (_, tally) => tally.blocks.toFixed(2)],
];
const COLUMNS: Readonly<Record<string, readonly Column[]>> = {
  never: [...COMMON, ...ERRORS, ...REST],
  early: [...COMMON, ...ERRORS, ...REST, ...LOOKS],
  spending: [...COMMON.slice(0, 5), ...ERRORS, ...REST, ...LOOKS],
  broken: [...COMMON, ...ERRORS, ...REST, ['withheld', (_, tally) => percent(tally.withheld)]],
  images: [...COMMON, ['runs only', (_, tally) => percent(tally.coverageOfRuns)], ...ERRORS, ...REST],
};

const markOf = (group: string) => [`<!-- ${group}: bench/studies -->`, '<!-- end -->'] as const;

/** Inserts a table into the document, between the markers of its group. */
async function put(group: string, table: string): Promise<void> {
  const text = await readFile(DOCUMENT, 'utf8');
  const [from, to] = markOf(group);
  const start = text.indexOf(from);
  const end = text.indexOf(to, start);
  if (start < 0 || end < 0) throw new Error(`${DOCUMENT} has no marks of ${group}`);
  await writeFile(DOCUMENT, `${text.slice(0, start + from.length)}\n\n${table}\n\n${text.slice(end)}`);
}

async function main(): Promise<void> {
  const machine = `${cpus()[0]?.model}, ${availableParallelism()} threads, Node ${process.versions.node}`;
  for (const group of positionals.length > 0 ? positionals : Object.keys(groups)) {
    const rows = groups[group]?.();
    const columns = COLUMNS[group];
    if (!rows || !columns) throw new Error(`No group ${group}: ${Object.keys(groups).join(', ')}`);
    const lines = [`| ${columns.map(([name]) => name).join(' | ')} |`, `|${' --- |'.repeat(columns.length)}`];
    console.log(lines.join('\n'));
    let analyses = 0;
    let ms = 0;
    for (const row of rows.filter(({ design, name }) => `${design.name}, ${name}`.match(values.only))) {
      const tally = simulate(row, SEED, Number(values.studies), Number(values.seconds));
      const line = `| ${columns.map(([, cell]) => cell(row, tally)).join(' | ')} |`;
      lines.push(line);
      analyses++;
      ms += tally.msPerAnalysis;
      console.log(line);
    }
    const facts = `Seed ${SEED}; ${(ms / analyses).toFixed(2)} ms of CPU time per analysis on ${machine}.`;
    console.log(facts);
    if (values.write) await put(group, `${facts}\n\n${lines.join('\n')}`);
  }
}

void main();
