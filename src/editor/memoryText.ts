import * as l10n from '@vscode/l10n';
import { batchBytes } from '../models/memory';
import { type Draft, effectiveBatchOf, seal } from '../recipe/draft';
import { type EngineName, HALF_PRECISION } from '../recipe/engines';
import { memoryOf } from '../recipe/memory';
import { formatBytes } from '../text';

/**
 * What a trick does to the memory of a step on as many images, estimated, such as 'memory 812 MiB to 406 MiB'; null where it is the same. Where the engine is left open and the engines differ in it, it is told for
 * those that compute in half precision.
 */
export function memoryChange(without: Draft, withIt: Draft): string | null {
  const [emulated, native] = enginesOf(withIt).map((engine) => changeOn(engine, without, withIt));
  if (native === undefined || native === emulated) return emulated ?? null;
  return native === null ? null : l10n.t('{0} where half precision is native', native);
}

/** The engine that is asked for, or one of each way to come by half precision. */
function enginesOf({ engine }: Draft): EngineName[] {
  if (engine !== 'auto') return [engine];
  const names = Object.keys(HALF_PRECISION) as EngineName[];
  return (['emulated', 'native'] as const).flatMap(
    (way) => names.find((name) => HALF_PRECISION[name] === way) ?? [],
  );
}

function changeOn(engine: EngineName, without: Draft, withIt: Draft): string | null {
  const before = batchBytes(memoryOf(seal(without), engine), batchWithout(without, withIt));
  const after = batchBytes(memoryOf(seal(withIt), engine), withIt.batchSize);
  if (before === after) return null;
  const [from, to] = [before, after].map(formatBytes);
  if (from !== to) return l10n.t('memory {0} to {1}', from ?? '', to ?? '');
  return l10n.t('memory {0}{1}', after > before ? '+' : '\u2212', formatBytes(Math.abs(after - before)));
}

/** The batch without a trick whose step learns from as many images. */
function batchWithout(without: Draft, withIt: Draft): number {
  return effectiveBatchOf(withIt) / without.accumulation;
}
