import * as l10n from '@vscode/l10n';
import { formatNumber } from '../shared/format';
import { preprocessingOfInit } from './dataPlan';
import type { ResolutionProblem } from './problem';
import type { Experiment } from './schema';

/** Returns warnings about settings that can be trained but are probably mistakes. */
export function experimentWarnings(experiment: Experiment): ResolutionProblem[] {
  return [
    ...balanceWarnings(experiment),
    ...preprocessingWarnings(experiment),
    ...warmupWarnings(experiment),
  ];
}

function balanceWarnings({ data, loss }: Experiment): ResolutionProblem[] {
  if (loss.class_weights !== 'balanced' || data.sampling !== 'balanced') return [];
  return [
    {
      path: ['loss', 'class_weights'],
      what: l10n.t(
        'Class weights and balanced sampling correct the same imbalance twice: rare classes count more than common ones.',
      ),
      remedy: l10n.t('Use only one of them.'),
    },
  ];
}

/** A first epoch at learning rate 0 trains nothing but running statistics. */
function warmupWarnings({ schedule, tricks: { warmup } }: Experiment): ResolutionProblem[] {
  if (!warmup) return [];
  const { count_from, update } = warmup === true ? { count_from: 0, update: 'step' } : warmup;
  if (count_from !== 0 || (update !== 'epoch' && schedule.update !== 'epoch')) return [];
  return [
    {
      path: ['tricks', 'warmup'],
      what: l10n.t('The first epoch trains at a learning rate of 0: warmup counts its epochs from 0.'),
      remedy: l10n.t('Set {0}.', 'update: epoch, count_from: 1'),
    },
  ];
}

/** Warns if images are preprocessed differently than those that the published weights were trained on. */
function preprocessingWarnings({ data, init }: Experiment): ResolutionProblem[] {
  const trained = preprocessingOfInit(init);
  if (!trained || data.dataset === 'synthetic') return [];
  const values = {
    mean: trained.mean,
    std: trained.std,
    interpolation: trained.interpolation,
    crop_pct: trained.cropPct,
  } as const;
  return Object.entries(values).flatMap(([key, needed]): ResolutionProblem[] => {
    const written = data[key as keyof typeof values];
    if (written === undefined || isSame(written, needed)) return [];
    return [
      {
        path: ['data', key],
        what: l10n.t('The weights were trained with {0} {1}, not {2}.', key, shown(needed), shown(written)),
        remedy: l10n.t('Remove it: the weights define it.'),
        fix: { type: 'remove' },
      },
    ];
  });
}

type Value = number | string | readonly number[];

/** Equal to three decimals, the precision at which these numbers are quoted. */
function isSame(written: Value, needed: Value): boolean {
  if (typeof written === 'string' || typeof needed === 'string') return written === needed;
  const expected = [needed].flat();
  const given = typeof written === 'number' ? expected.map(() => written) : written;
  return (
    given.length !== expected.length ||
    given.every((value, index) => Math.abs(value - expected[index]!) < 1e-3)
  );
}

function shown(value: Value): string {
  return [value]
    .flat()
    .map((part) => (typeof part === 'number' ? formatNumber(part) : part))
    .join(', ');
}
