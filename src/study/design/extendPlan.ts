import type { StudyBlock, StudyPlan } from '../../protocol/study';
import { allowedSettings } from './allowed';
import { MOST_OPTIMAL_PARAMETERS } from './chooseDesign';
import { settingPool } from './exchange';
import { mainParameters } from './model';
import { optimalSource } from './optimal';
import { planOf } from './plan';
import { type DesignRequest, levelCounts, settingKey } from './request';
import { type BlockSource, blocksOf } from './source';
import { twoLevelSources } from './twoLevel/selection';

/**
 * Appends `moreBlocks` blocks to a plan. Existing blocks do not change. A design that is not yet full continues to fill
 * up. Any other repeats its blocks' settings, each in a new random order. `request` is the one that the plan was made
 * for.
 */
export function extendPlan(
  plan: StudyPlan,
  request: Pick<DesignRequest, 'factors' | 'randomSeed' | 'isAllowed'>,
  moreBlocks: number,
): StudyPlan {
  const source = sourceOf(plan, request) ?? repeatedBlocks(plan);
  const had = plan.blocks.length;
  const more = blocksOf(source, had, had + moreBlocks, request.randomSeed);
  return planOf(source.kind, [...plan.blocks, ...more], levelCounts(request.factors));
}

/** Returns the source of a plan's blocks; null if no source produces them. */
function sourceOf(
  plan: StudyPlan,
  { factors, isAllowed, randomSeed }: Pick<DesignRequest, 'factors' | 'randomSeed' | 'isAllowed'>,
): BlockSource | null {
  const levels = levelCounts(factors);
  const size = plan.blocks[0]?.settings.length ?? 0;
  switch (plan.kind) {
    case 'full':
    case 'fractional':
    case 'plackett_burman': {
      if (levels.some((count) => count !== 2)) return null;
      const { regular, plackettBurman } = twoLevelSources(levels.length);
      return [...regular, ...plackettBurman].find((source) => gives(source, plan.blocks)) ?? null;
    }
    case 'optimal': {
      if (mainParameters(levels) > MOST_OPTIMAL_PARAMETERS) return null;
      const source = optimalSource(settingPool(allowedSettings(levels, isAllowed)), size, randomSeed);
      return gives(source, plan.blocks) ? source : null;
    }
    default:
      return null;
  }
}

/** Whether these blocks are the source's first ones, regardless of the order of runs. */
function gives(source: BlockSource, blocks: readonly StudyBlock[]): boolean {
  return blocks.every(
    ({ settings }, block) =>
      settings.length === source.runsPerBlock && sameSettings(settings, source.settingsOf(block)),
  );
}

function sameSettings(a: StudyBlock['settings'], b: StudyBlock['settings']): boolean {
  const keys = new Set(a.map(settingKey));
  return a.length === b.length && b.every((setting) => keys.has(settingKey(setting)));
}

/** Repeats the plan's blocks endlessly. */
function repeatedBlocks({ kind, blocks }: StudyPlan): BlockSource {
  return {
    kind,
    runsPerBlock: blocks[0]?.settings.length ?? 0,
    settingsOf: (block) => blocks[block % blocks.length]?.settings ?? [],
  };
}
