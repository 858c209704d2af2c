import type { DesignKind, StudyBlock, StudyPlan } from '../../protocol/study';
import { mainAliases } from './aliases';
import { mainInformation, mainParameters, rootDeterminant, runsOf } from './model';
import { resolutionOfSettings } from './twoLevel/aberration';

/**
 * Blocks with what follows from them. Resolution, aliases and efficiency are computed from the settings themselves. `kind`
 * is the source's: its fractions fill up block by block, and where they have become the full factorial the plan says so.
 */
export function planOf(
  kind: DesignKind,
  blocks: readonly StudyBlock[],
  levels: readonly number[],
): StudyPlan {
  const isFraction = kind === 'fractional' || kind === 'plackett_burman';
  const resolution = isFraction ? resolutionOfSettings(blocks.flatMap(({ settings }) => settings)) : null;
  return {
    kind: isFraction && resolution === null ? 'full' : kind,
    blocks,
    resolution,
    aliases: mainAliases(blocks, levels),
    residualDegrees: residualDegrees(runsOf(blocks), blocks.length, levels),
    efficiency: efficiencyOf(blocks, levels),
  };
}

/** Degrees of freedom for the noise, with main effects and blocks fitted. */
export function residualDegrees(runs: number, blocks: number, levels: readonly number[]): number {
  return runs - blocks - mainParameters(levels);
}

/**
 * D-efficiency: the root of the determinant over that of an orthogonal design of as many runs, which is a bound that designs
 * with impossible combinations cannot always reach. null where the design is orthogonal.
 */
function efficiencyOf(blocks: readonly StudyBlock[], levels: readonly number[]): number | null {
  const efficiency = rootDeterminant(mainInformation(blocks, levels)) / runsOf(blocks);
  return efficiency > 1 - 1e-9 ? null : efficiency;
}
