import * as l10n from '@vscode/l10n';
import { type Changes, numberAt, type Settings, settingAt, type TrickMapping, without } from './mapping';
import { mixes, scoped, takenOut, typeAt } from './mmpretrain';

const LOSS = 'model.head.loss';
const SMOOTH = 'LabelSmoothLoss';
const PLAIN = 'CrossEntropyLoss';

/** Heads whose default loss is cross entropy. */
const PLAIN_HEADS = ['ClsHead', 'LinearClsHead', 'StackedLinearClsHead', 'VisionTransformerClsHead'];

/** Arguments that both losses have. */
const SHARED = ['loss_weight', 'reduction', 'class_weight', 'pos_weight', 'use_sigmoid'];

/** Label smoothing in MMPretrain: `LabelSmoothLoss` instead of cross entropy, with different arguments. */
export const smoothLoss: TrickMapping = {
  settings: [`${LOSS}.label_smooth_val`, LOSS, 'model.head'],
  read: (settings) => {
    if (typeAt(settings, `${LOSS}.type`) !== SMOOTH) return null;
    const epsilon = numberAt(settings, `${LOSS}.label_smooth_val`) ?? 0;
    return epsilon > 0 ? { epsilon } : null;
  },
  write: (options, settings) => ({
    ...(typeAt(settings, `${LOSS}.type`) === SMOOTH ? {} : { [`${LOSS}.type`]: scoped(settings, SMOOTH) }),
    [`${LOSS}.label_smooth_val`]: options.epsilon,
    // It always uses soft labels and does not have this argument.
    ...(settings.has(`${LOSS}.use_soft`) ? without(`${LOSS}.use_soft`) : {}),
  }),
  erase: (settings) => {
    const inherited = settings.inherited?.(`${LOSS}.type`);
    const rest = argumentsOf(settings).filter(
      (name) => SHARED.includes(name) && settings.get(`${LOSS}.${name}`) !== null,
    );
    const isSoft =
      inherited === undefined
        ? mixes(settings) && settings.get(`${LOSS}.use_sigmoid`) !== true
        : settings.inherited?.(`${LOSS}.use_soft`) === true;
    if (rest.length === 0 && !isSoft && inherited === undefined && hasPlainHead(settings))
      return without(LOSS);
    const isInheritedPlain = typeof inherited === 'string' && inherited.replace(/^\w+\./, '') === PLAIN;
    return {
      [`${LOSS}.type`]: isInheritedPlain ? inherited : scoped(settings, PLAIN),
      ...without(
        ...argumentsOf(settings)
          .filter((name) => name !== 'type' && !rest.includes(name))
          .map((name) => `${LOSS}.${name}`),
      ),
      ...(isSoft ? { [`${LOSS}.use_soft`]: true } : {}),
    };
  },
  obstacle: (settings) => {
    const type = typeAt(settings, `${LOSS}.type`);
    const mode = settingAt(settings, `${LOSS}.mode`) ?? 'original';
    if (type === SMOOTH) {
      return mode === 'original'
        ? null
        : l10n.t('{0} is {1}: the loss that it replaced is unknown.', `${LOSS}.mode`, String(mode));
    }
    if (type === PLAIN) return null;
    if (type !== undefined) return l10n.t('{0} is {1}, not {2}.', `${LOSS}.type`, type, PLAIN);
    return argumentsOf(settings).length === 0 && hasPlainHead(settings)
      ? null
      : l10n.t('{0} is not in the file.', `${LOSS}.type`);
  },
};

function argumentsOf(settings: Settings): string[] {
  return [...settings.keys()]
    .filter((key) => key.startsWith(`${LOSS}.`))
    .map((key) => key.slice(LOSS.length + 1));
}

function hasPlainHead(settings: Settings): boolean {
  return PLAIN_HEADS.includes(typeAt(settings, 'model.head.type') ?? '');
}

const WRAPPER = 'optim_wrapper';

/** Mixed precision in MMPretrain: a separate optimizer wrapper. */
export const ampWrapper: TrickMapping = {
  settings: [`${WRAPPER}.type`, WRAPPER],
  read: (settings) => {
    if (typeAt(settings, `${WRAPPER}.type`) !== 'AmpOptimWrapper') return null;
    if (settingAt(settings, `${WRAPPER}.dtype`) === 'bfloat16') return { dtype: 'bfloat16' };
    return { loss_scale: numberAt(settings, `${WRAPPER}.loss_scale`) ?? 'dynamic' };
  },
  write: (options): Changes => ({
    [`${WRAPPER}.type`]: 'AmpOptimWrapper',
    ...(options.dtype === 'bfloat16'
      ? { [`${WRAPPER}.dtype`]: 'bfloat16' }
      : { [`${WRAPPER}.loss_scale`]: options.loss_scale }),
  }),
  // Also removes the arguments that the plain wrapper does not accept.
  erase: (settings) => ({
    ...takenOut(settings, `${WRAPPER}.type`, 'OptimWrapper'),
    ...without(`${WRAPPER}.loss_scale`, `${WRAPPER}.dtype`, `${WRAPPER}.use_fsdp`),
  }),
  obstacle: (settings) => {
    const type = typeAt(settings, `${WRAPPER}.type`) ?? 'OptimWrapper';
    return ['OptimWrapper', 'AmpOptimWrapper'].includes(type)
      ? null
      : l10n.t('{0} is {1}, not {2}.', `${WRAPPER}.type`, type, 'OptimWrapper');
  },
};

/** Clipping by norm. Clipping by value is a different trick. */
export const clipNorm: TrickMapping = {
  settings: [`${WRAPPER}.clip_grad.max_norm`, `${WRAPPER}.clip_grad`, WRAPPER],
  read: (settings) => {
    if (clipsByValue(settings)) return null;
    const max_norm = numberAt(settings, `${WRAPPER}.clip_grad.max_norm`) ?? 0;
    return max_norm > 0 ? { max_norm } : null;
  },
  write: (options) => ({ [`${WRAPPER}.clip_grad.max_norm`]: options.max_norm }),
  erase: (settings) => takenOut(settings, `${WRAPPER}.clip_grad`, null),
  obstacle: (settings) =>
    clipsByValue(settings)
      ? l10n.t('{0} is {1}, a different way to clip.', `${WRAPPER}.clip_grad.type`, 'value')
      : null,
};

function clipsByValue(settings: Settings): boolean {
  return (settingAt(settings, `${WRAPPER}.clip_grad.type`) ?? 'norm') !== 'norm';
}
