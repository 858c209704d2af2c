import type { DesignKind, StudyFactor, StudyPlan, StudySetting } from '../../src/protocol/study';
import { chooseDesign } from '../../src/study/design/chooseDesign';

/** A design to simulate. Its blocks repeat in turn, as many as a row needs. */
export interface Design {
  readonly name: string;
  readonly levels: readonly number[];
  readonly kind: DesignKind;
  readonly blocks: (count: number) => readonly (readonly StudySetting[])[];
}

export function factorsOf(levels: readonly number[]): StudyFactor[] {
  return levels.map((count, index) => ({
    key: `factor${index}`,
    kind: 'key',
    levels: Array.from({ length: count }, (_, level) => String(level)),
  }));
}

export function planOf(design: Design, blocks: number): StudyPlan {
  return {
    kind: design.kind,
    blocks: design.blocks(blocks).map((settings) => ({ settings })),
    resolution: null,
    aliases: [],
    residualDegrees: 0,
    efficiency: null,
  };
}

const full = (levels: readonly number[]): StudySetting[] =>
  levels.reduce<number[][]>(
    (settings, count) =>
      settings.flatMap((setting) => Array.from({ length: count }, (_, level) => [...setting, level])),
    [[]],
  );

/** Repeats the given blocks in turn. */
const turns =
  (...sets: readonly (readonly StudySetting[])[]) =>
  (count: number) =>
    Array.from({ length: count }, (_, block) => sets[block % sets.length] ?? []);

const mirror = (settings: readonly StudySetting[]) =>
  settings.map((setting) => setting.map((level) => 1 - level));

const parity = (...levels: readonly (number | undefined)[]) =>
  levels.reduce<number>((sum, level) => sum ^ (level ?? 0), 0);

const twoLevels = (count: number) => Array<number>(count).fill(2);

/** E = ABCD in one block and its complement in the next. */
const half = full(twoLevels(4)).map(([a, b, c, d]) => [
  a ?? 0,
  b ?? 0,
  c ?? 0,
  d ?? 0,
  1 - parity(a, b, c, d),
]);
const otherHalf = half.map((setting) => setting.with(4, 1 - (setting[4] ?? 0)));
/** D = AB and E = AC, resolution III, folded over in the next block. */
const quarter = full(twoLevels(3)).map(([a, b, c]) => [
  a ?? 0,
  b ?? 0,
  c ?? 0,
  1 - parity(a, b),
  1 - parity(a, c),
]);

/** The generating row of 12 runs (Plackett and Burman 1946). */
const ROW = [1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0];
const plackettBurman = [
  ...ROW.map((_, shift) => ROW.map((__, column) => ROW[(column + 11 - shift) % 11] ?? 0)),
  ROW.map(() => 0),
];

const alone = [
  twoLevels(5).map(() => 0),
  ...twoLevels(5).map((_, factor) => twoLevels(5).map((__, each) => Number(each === factor))),
];

export const HALF: Design = {
  name: '2^(5-1), complement in the next block',
  levels: twoLevels(5),
  kind: 'fractional',
  blocks: turns(half, otherHalf),
};
export const QUARTER: Design = {
  name: '2^(5-2), folded over in the next block',
  levels: twoLevels(5),
  kind: 'fractional',
  blocks: turns(quarter, mirror(quarter)),
};
export const FULL: Design = {
  name: '2^5',
  levels: twoLevels(5),
  kind: 'full',
  blocks: turns(full(twoLevels(5))),
};
export const CUBE: Design = {
  name: '2^3',
  levels: twoLevels(3),
  kind: 'full',
  blocks: turns(full(twoLevels(3))),
};
export const PB12: Design = {
  name: 'Plackett-Burman 12, folded over in the next block',
  levels: twoLevels(11),
  kind: 'plackett_burman',
  blocks: turns(plackettBurman, mirror(plackettBurman)),
};
/** D-optimal subsets of all combinations, as studies with three-level factors use them. Two blocks repeat in turn. */
function optimal(levels: readonly number[], runs: number): Design {
  const name = `D-optimal, ${levels.join(' x ')} levels, ${runs} runs per block`;
  const wish = { kind: 'auto' } as const;
  const chosen = chooseDesign({ factors: factorsOf(levels), wish, runs: 2 * runs, randomSeed: 1 });
  if (chosen.kind === 'problem') throw new Error(`No design for ${name}: ${chosen.problem.kind}`);
  const sets = chosen.plan.blocks.map(({ settings }) => settings);
  if (sets.length !== 2) throw new Error(`${name}: ${sets.length} blocks`);
  return { name, levels, kind: chosen.plan.kind, blocks: turns(...sets) };
}

/** The first has enough runs to fit interactions, the second does not. */
export const OPTIMAL = optimal([3, 3, 2, 2], 15);
export const OPTIMAL_SMALL = optimal([3, 2, 2, 2, 2], 12);
export const OPTIMAL_CUBE = optimal([3, 3, 3], 12);
export const ALONE: Design = {
  name: 'one at a time',
  levels: twoLevels(5),
  kind: 'one_at_a_time',
  blocks: turns(alone),
};
