import * as l10n from '@vscode/l10n';
import { assertNever } from '../shared/assertNever';
import type { StepProbe, StepTime } from './stepProbe';

/** The half formats of TensorFlow's library. */
const HALF_FORMATS = ['bfloat16', 'float16'] as const;
type HalfFormat = (typeof HALF_FORMATS)[number];

/** A part of a training step. */
type Part = keyof StepTime['partsMs'];

/** What a half format is on this machine's processor. */
export interface FormatState {
  readonly format: HalfFormat;
  readonly execution: 'native' | 'emulated';
  /** A training step's time in it as a multiple of float32's; null where the library does not compute in it. */
  readonly timesFloat32: number | null;
  /** The same where it is emulated. */
  readonly timesEmulated: number;
  /** The part of a step that takes the most time beyond float32's; null where a step is not slower. */
  readonly slowPart: Part | null;
}

/** From here on a format is called slower than float32. Below, two measurements of one format differ as much. */
const SLOWER = 1.1;
/**
 * A format that takes longer than this many times its emulation is emulated. The network that is timed has few layers to
 * round after: emulated it took 1.2 times float32's step where ResNet-20 took 1.8 times.
 */
const EMULATION_MARGIN = 1.5;

/** What each half format is by the times of training steps; none where these are not known. */
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
 * Why a format is slower than float32 here, and what becomes of it; null where it is not. Such as 'float16 takes 14
 * times float32's step here: oneDNN has no fast kernel for its filter gradient. Emulated instead, it takes 1.8 times.'
 */
export function slowFormatText(state: FormatState): string | null {
  const { format, execution, timesFloat32, timesEmulated, slowPart } = state;
  const emulated = timesText(timesEmulated);
  if (timesFloat32 === null)
    return timesEmulated < SLOWER
      ? null
      : l10n.t(
          "{0} is emulated here, which takes {1} times float32's step: processor and library do not compute in it.",
          format,
          emulated,
        );
  if (slowPart === null) return null;
  const times = timesText(timesFloat32);
  const slow = l10n.t("{0} takes {1} times float32's step here: {2}.", format, times, reasonText(slowPart));
  return execution === 'emulated'
    ? l10n.t('{0} Emulated instead, it takes {1} times.', slow, emulated)
    : slow;
}

/** A slow format's figure as a part of a title; null where it is not slow. */
export function slowFormatFact(state: FormatState): string | null {
  if (slowFormatText(state) === null) return null;
  const { execution, timesFloat32, timesEmulated } = state;
  const emulated = timesText(timesEmulated);
  if (timesFloat32 === null) return l10n.t("on tensorflow emulated at {0} times float32's step", emulated);
  const times = timesText(timesFloat32);
  return execution === 'emulated'
    ? l10n.t("on tensorflow {0} times float32's step, emulated {1} times", times, emulated)
    : l10n.t("on tensorflow {0} times float32's step", times);
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
      return l10n.t('batch norm, casts and updates take longer than what its convolutions gain');
    default:
      return assertNever(part);
  }
}

/** What there is to say of a format on this machine, in a sentence or two. */
export function formatText(state: FormatState): string {
  const { format, timesFloat32 } = state;
  const slow = slowFormatText(state);
  if (slow !== null) return slow;
  return timesFloat32 === null
    ? l10n.t('{0} is emulated: processor and library do not compute in it.', format)
    : l10n.t("{0} takes {1} times float32's step.", format, timesFloat32.toFixed(2));
}
