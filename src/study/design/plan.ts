import type { DesignKind, StudyBlock, StudyPlan } from '../../protocol/study';
import { mainAliases } from './aliases';
import { mainInformation, mainParameters, rootDeterminant, runsOf } from './model';
import { resolutionOfSettings } from './twoLevel/aberration';

/**
 * Builds a plan from blocks. Computes resolution, aliases and efficiency from the settings themselves. `kind` is that
 * of the source: its fractions fill up block by block, and the plan reports a full factorial when they have become one.
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

/** Returns the degrees of freedom for noise, with main effects and blocks fitted. */
export function residualDegrees(runs: number, blocks: number, levels: readonly number[]): number {
  return runs - blocks - mainParameters(levels);
}

/**
 * Returns the D-efficiency: the root of the determinant divided by that of an orthogonal design with as many runs.
 * Designs with impossible combinations cannot always reach that bound. Null if the design is orthogonal.
 */
function efficiencyOf(blocks: readonly StudyBlock[], levels: readonly number[]): number | null {
  const efficiency = rootDeterminant(mainInformation(blocks, levels)) / runsOf(blocks);
  return efficiency > 1 - 1e-9 ? null : efficiency;
}
