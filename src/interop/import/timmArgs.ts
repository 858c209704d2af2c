import { parseDocument } from '../../experiment/text/document';
import type { EditResult } from '../../experiment/text/textEdits';
import { RESNET_NAMES } from '../../models/catalog';
import { isMapping } from '../../shared/values';
import { numberAt, textAt } from '../../tricks/elsewhere/mapping';
import { optimizerIn, rateIn, weightDecayIn } from '../../tricks/elsewhere/timm';
import { type Adapter, flattened, IMAGENET, mappingsOf } from './adapter';

/** Keys of which every file that timm's train.py writes, or reads by --config, has several. */
const TELLING = [
  'model',
  'opt',
  'sched',
  'lr',
  'lr_base',
  'epochs',
  'batch_size',
  'weight_decay',
  'smoothing',
];

const ENOUGH = 4;

/** Whether a text has the telling keys, before it is read as YAML: editors ask that of every YAML file. */
function mayBeArguments(text: string): boolean {
  const keys = text.matchAll(/^(["']?)([a-z_]+)\1[ \t]*:/gm);
  const found = new Set(Array.from(keys, ([, , key = '']) => key));
  return TELLING.filter((key) => found.has(key)).length >= ENOUGH;
}

/** The arguments of timm's train.py (pytorch-image-models), as args.yaml keeps them and --config reads them. */
export const timmArgs: Adapter = {
  system: 'timm',
  read(text, fileName) {
    if (!/\.ya?ml$/i.test(fileName) || !mayBeArguments(text)) return null;
    const document = parseDocument(text, fileName);
    const { value, problems } = document;
    if (problems.length > 0 || !isMapping(value)) return null;
    const isTimm = TELLING.filter((key) => Object.hasOwn(value, key)).length >= ENOUGH;
    if (!isTimm || typeof value.model !== 'string') return null;
    return {
      settings: new Map(flattened(value)),
      rangeOf: (setting) => {
        const path = setting.split('.');
        return Object.hasOwn(value, path[0] ?? '') ? document.rangeOf(path, 'key') : null;
      },
      start: document.rangeOf(['model'], 'key'),
      edit: (changes) =>
        document.inSequence(
          Object.entries(changes).map(([setting, next]) => (current): EditResult => {
            const path = setting.split('.');
            return next === undefined ? current.removeIn(path) : current.setIn(path, next);
          }),
        ),
    };
  },
  anchors: {
    'optimizer.base_lr': ['lr', 'lr_base'],
    'optimizer.weight_decay': ['weight_decay'],
    'optimizer.name': ['opt'],
    optimizer: ['opt'],
    'schedule.epochs': ['epochs'],
    'schedule.decay': ['sched'],
    'data.batch_size': ['batch_size'],
    'data.augment': ['aa', 'hflip'],
  },
  tricks: mappingsOf('timm'),
  experiment(settings) {
    const model = modelOf(textAt(settings, 'model') ?? '');
    const optimizer = OURS[optimizerIn(settings)];
    const dataset = textAt(settings, 'dataset') ?? '';
    const batch = numberAt(settings, 'batch_size') ?? 128;
    return {
      parts: {
        data: {
          ...IMAGENET,
          classes: numberAt(settings, 'num_classes') ?? IMAGENET.classes,
          batch_size: batch,
        },
        model: model ?? { name: 'resnet50' },
        optimizer: {
          name: optimizer ?? 'sgd',
          base_lr: rateIn(settings),
          weight_decay: weightDecayIn(settings),
        },
        schedule: { epochs: numberAt(settings, 'epochs') ?? 300 },
      },
      isWhole:
        model !== null &&
        optimizer !== undefined &&
        (dataset === '' || /imagenet|^image_?folder/i.test(dataset)),
    };
  },
};

/** Our optimizer for timm's name; those that are tricks here take the place of SGD. */
const OURS: Readonly<Record<string, string>> = {
  sgd: 'sgd',
  nesterov: 'sgd',
  momentum: 'sgd',
  lamb: 'sgd',
  lars: 'sgd',
  adam: 'adam',
  adamw: 'adamw',
};

/** A model that is known here; timm's ResNets have their stride in the 3x3 convolution. */
function modelOf(name: string): object | null {
  const [bare = ''] = name.split('.');
  const known = RESNET_NAMES.find((each) => bare === each || bare === `${each}d`);
  return known ? { name: known, variant: bare === known ? 'B' : 'D' } : null;
}
