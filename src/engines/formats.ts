import * as l10n from '@vscode/l10n';
import { assertNever } from '../shared/assertNever';
import type { StepProbe, StepTime } from './stepProbe';

/** The half formats of the TensorFlow library. */
const HALF_FORMATS = ['bfloat16', 'float16'] as const;
type HalfFormat = (typeof HALF_FORMATS)[number];

/** A part of a training step. */
type Part = keyof StepTime['partsMs'];

/** The state of a half format on this machine's processor. */
export interface FormatState {
  readonly format: HalfFormat;
  readonly execution: 'native' | 'emulated';
  /** A training step's time in this format, relative to float32. Null if the library does not compute in it. */
  readonly timesFloat32: number | null;
  /** The same ratio if the format is emulated. */
  readonly timesEmulated: number;
  /** The part of a step that loses the most time to float32; null if the step is not slower. */
  readonly slowPart: Part | null;
}

/**
 * From this ratio on, a format counts as slower than float32. Below it, the difference is within the noise between two
 * measurements of one format.
 */
const SLOWER = 1.1;
/**
 * If a format takes longer than this many times its emulation, it is emulated. The margin exists because the timed
 * network has few layers to round after, so it underestimates the cost of emulation in deeper networks such as
 * ResNet-20. See docs/performance.md.
 */
const EMULATION_MARGIN = 1.5;

/** Returns the state of each half format from training step times; empty if these are not known. */
export function formatStates(probe: StepProbe | null): readonly FormatState[] {
  if (!probe) return [];
  return HALF_FORMATS.map((format) => {
    const step = probe[format];
    const timesEmulated = probe.emulated.stepMs / probe.float32.stepMs;
    if (!step) return { format, execution: 'emulated', timesFloat32: null, timesEmulated, slowPart: null };
    const timesFloat32 = step.stepMs / probe.float32.stepMs;
    const execution = timesFloat32 > EMULATION_MARGIN * Math.max(timesEmulated, 1) ? 'emulated' : 'native';
    return {
      ...{ format, execution, timesFloat32, timesEmulated },
      slowPart: timesFloat32 < SLOWER ? null : slowestPart(step, probe.float32),
    };
  });
}

function slowestPart(step: StepTime, single: StepTime): Part {
  const excess = (part: Part) => step.partsMs[part] - single.partsMs[part];
  const parts: readonly Part[] = ['filterGradient', 'inputGradient', 'forward', 'rest'];
  return parts.reduce((most, part) => (excess(part) > excess(most) ? part : most));
}

/**
 * Explains why a format is slower than float32 here, and how it is handled; null if it is not slower. For example:
 * 'float16 takes 14 times float32's step here: oneDNN has no fast kernel for its filter gradient. Emulated instead, it
 * takes 1.8 times.'
 */
export function slowFormatText(state: FormatState): string | null {
  const { format, execution, timesFloat32, timesEmulated, slowPart } = state;
  const emulated = timesText(timesEmulated);
  if (timesFloat32 === null)
    return timesEmulated < SLOWER
      ? null
      : l10n.t(
          '{0} is emulated here, and a step takes {1} times as long as in float32: the processor and the library have no native support for it.',
          format,
          emulated,
        );
  if (slowPart === null) return null;
  const times = timesText(timesFloat32);
  const slow = l10n.t(
    'A step in {0} takes {1} times as long as in float32 here: {2}.',
    format,
    times,
    reasonText(slowPart),
  );
  return execution === 'emulated'
    ? l10n.t('{0} It is emulated instead, and a step takes {1} times as long.', slow, emulated)
    : slow;
}

/** Returns a slow format's ratio for use in a title; null if it is not slow. */
export function slowFormatFact(state: FormatState): string | null {
  if (slowFormatText(state) === null) return null;
  const { execution, timesFloat32, timesEmulated } = state;
  const emulated = timesText(timesEmulated);
  if (timesFloat32 === null)
    return l10n.t('emulated on tensorflow at {0} times the float32 step time', emulated);
  const times = timesText(timesFloat32);
  return execution === 'emulated'
    ? l10n.t('on tensorflow {0} times the float32 step time, emulated {1} times', times, emulated)
    : l10n.t('on tensorflow {0} times the float32 step time', times);
}

function timesText(times: number): string {
  return times < 9.95 ? times.toFixed(1) : times.toFixed(0);
}

function reasonText(part: Part): string {
  switch (part) {
    case 'filterGradient':
      return l10n.t('oneDNN has no fast kernel for its filter gradient');
    case 'inputGradient':
      return l10n.t('oneDNN has no fast kernel for its input gradient');
    case 'forward':
      return l10n.t('oneDNN has no fast kernel for its convolutions');
    case 'rest':
      return l10n.t('batch norm, casts and updates lose more time than its convolutions save');
    default:
      return assertNever(part);
  }
}

/** Describes a format on this machine in one or two sentences. */
export function formatText(state: FormatState): string {
  const { format, timesFloat32 } = state;
  const slow = slowFormatText(state);
  if (slow !== null) return slow;
  return timesFloat32 === null
    ? l10n.t('{0} is emulated: the processor and the library have no native support for it.', format)
    : l10n.t('A step in {0} takes {1} times as long as in float32.', format, timesFloat32.toFixed(2));
}
