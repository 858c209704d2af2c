/** Reading MMPretrain configs: their own settings, inherited settings, and settings that cannot be determined. */
import { describe, expect, test } from 'vitest';
import { readForeign } from '../../../src/interop/import/adapters';
import { COMPUTED } from '../../../src/tricks/elsewhere/mapping';
import { fitsOf } from '../../support/foreignFiles';
import { fitOf, settingsOf } from '../../support/mmpretrain';
import { MMPRETRAIN_FILES, readingMmpretrain } from '../../support/mmpretrainConfigs';

const NAME = 'configs/resnet/resnet50_8xb32_in1k.py';
const HEAD = "default_scope = 'mmpretrain'\n";
const files = readingMmpretrain();
const read = (text: string) => settingsOf(HEAD + text, 'a.py');
const experimentOf = (text: string, name = NAME, readText = files) => {
  const found = readForeign(text, name, readText);
  if (!found || 'unread' in found.file) throw new Error('It is not understood.');
  return found.adapter.experiment(found.file.settings, name);
};
const told = (part: { readonly known: boolean; readonly value?: unknown }) =>
  part.known ? part.value : null;
const textOf = (path: string) => MMPRETRAIN_FILES[path] ?? '';

describe('Python as configs write it', () => {
  test.each([
    ['1e-4', 1e-4],
    ['1_000', 1000],
    ['0x10', 16],
    ['-1', -1],
    ['+2.5', 2.5],
    ['.5', 0.5],
    ['0.', 0],
    ['5e-4 * 1024 / 512', 1e-3],
    ['256 * 8', 2048],
    ['True', true],
    ['None', null],
    ['(0.9)', 0.9],
    ["'a' \"b\" r'\\c'", 'ab\\c'],
    ["'it\\'s\\n\\x41'", "it's\nA"],
    ["'''three\nlines'''", 'three\nlines'],
    ['(1, 2)', [1, 2]],
    ['(3, )', [3]],
    ['[dict(a=1), {"b": (2,)}]', [{ a: 1 }, { b: [2] }]],
    ['x + 1', COMPUTED],
    ['f"{x}"', COMPUTED],
    ["b'bytes'", COMPUTED],
    ['9007199254740993', COMPUTED],
    ['2 ** 10', COMPUTED],
    ['1j', COMPUTED],
    ['[*x]', COMPUTED],
    ['1, 2', COMPUTED],
    ['dict(**x)', COMPUTED],
    ['[i for i in range(3)]', COMPUTED],
    ["'{{ fileBasename }}'", COMPUTED],
    ['{{_base_.x}}', COMPUTED],
    ["{{'$LR:0.1'}}", COMPUTED],
  ])('%s', (written, value) => {
    expect(read(`value = ${written}\n`).get('value')).toEqual(value);
  });

  test('names refer to shared values', () => {
    const settings = read("kind = 'SGD'\na = dict(type=kind)\nb = a\nb['lr'] = 1\n");
    expect([settings.get('a.type'), settings.get('a.lr')]).toEqual(['SGD', 1]);
  });

  test.each([
    ["m['a']['b'] = 2", 2],
    ['m.a.b = 2', 2],
    ['m.update(dict(a=dict(b=2)))', 2],
    ['m.update(a=dict(b=2))', 2],
    ["m['a'].update({'b': 2})", 2],
    ["m['a'] = dict(b=2)", 2],
    ["del m['a']['b']", undefined],
    ["m['a'] = None", undefined],
    ["m['a']['b'] += 1", COMPUTED],
    ['if True:\n    m = dict(a=dict(b=2))', COMPUTED],
    ['for each in [1]:\n    m["a"]["b"] = each', COMPUTED],
    ['with open("x") as file:\n    m["a"]["b"] = 2', COMPUTED],
    ['try:\n    m["a"]["b"] = 2\nexcept KeyError:\n    pass', COMPUTED],
    ['change(m)', COMPUTED],
    ['other = change(m)', COMPUTED],
    ['m["a"].pop("b")', COMPUTED],
    ['m[key]["b"] = 2', COMPUTED],
    ['m, n = dict(), dict()', COMPUTED],
    ['def change():\n    m["a"]["b"] = 2\nchange()', COMPUTED],
    ["n = m\nn['a']['b'] = 2", 2],
  ])('what follows the mapping counts: %s', (statement, value) => {
    const settings = read(`m = dict(a=dict(b=1), c=3)\n${statement}\n`);
    const isComputed = [...settings].some(([key, each]) => each === COMPUTED && 'm.a.b'.startsWith(key));
    expect(isComputed ? COMPUTED : settings.get('m.a.b')).toBe(value);
  });

  test('a mapping in itself, or nested many times, is not followed', () => {
    const itself = read("a = dict(b=1)\na['c'] = a\nd = [a]\n");
    expect([itself.get('a'), itself.get('d')]).toEqual([COMPUTED, COMPUTED]);
    const many = Array.from({ length: 30 }, (_, i) => `x${i + 1} = [${`x${i}, `.repeat(10)}]`).join('\n');
    expect(read(`x0 = [1]\n${many}\n`).get('x30')).toBe(COMPUTED);
    const deep = Array.from({ length: 3000 }, (_, i) => `x${i + 1} = dict(x=x${i})`).join('\n');
    expect(read(`x0 = dict(y=1)\n${deep}\n`).get('x3000')).toBe(COMPUTED);
    const update = read('a = dict(b=1)\na.update(dict(c=dict(d=a)))\n');
    expect(update.get('a')).toBe(COMPUTED);
  });

  test('a statement with an error is not understood, and the file is not edited', () => {
    const text = `${HEAD}model = dict(type='ImageClassifier')\noptim_wrapper = dict(clip_grad=)\ncustom_hooks = []\n`;
    expect(settingsOf(text, 'a.py').get('optim_wrapper')).toBe(COMPUTED);
    expect(fitOf(text, 'a.py', 'ema').toggle()).toEqual({
      ok: false,
      reason: 'The file has a syntax error. Fix it first.',
    });
  });
});

describe('a config of MMPretrain', () => {
  const isRead = (text: string, readText = files) => readForeign(text, NAME, readText) !== null;
  const SGD = "optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1))\n";

  test.each([
    "model = dict(type='ImageClassifier')\n",
    "model = dict(type='mmpretrain.ImageClassifier')\n",
    "default_scope = 'mmcls'\n",
    "_base_ = ['../_base_/schedules/imagenet_bs256.py']\n",
    "_base_ = 'mmpretrain::resnet/resnet50_8xb32_in1k.py'\n",
    'from mmpretrain.models import ResNet\n',
  ])('is recognized by what no other system has: %s', (text) => {
    expect(isRead(SGD + text)).toBe(true);
  });

  test.each([
    "model = dict(type='RetinaNet', backbone=dict(type='ResNet', depth=50))\n",
    "model = dict(type='EncoderDecoder')\ndefault_scope = 'mmseg'\n",
    "default_scope = 'mmdet'\nmodel = dict(type='ImageClassifier')\n",
    "_base_ = ['../_base_/models/retinanet_r50_fpn.py', '../_base_/schedules/schedule_1x.py']\n",
    "_base_ = 'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py'\n",
    "model = dict(type='MaskRCNN', backbone=dict(type='mmpretrain.ConvNeXt'))\ndefault_scope = 'mmdet'\n",
    "default_scope = 'mmpretrain'\nmodel = dict(type='MAE')\n",
    'from mmdet.models import RetinaNet\n',
    "_base_ = ['../_base_/default_runtime.py']\n",
    "model = build('ImageClassifier')\n",
    "default_scope = 'mmpretrain'\nexec('model = 1')\n",
    '',
  ])('is no other file of MMEngine, and no doubtful one: %s', (text) => {
    expect(isRead(SGD + text, () => null)).toBe(false);
  });
});

describe('what a config inherits', () => {
  const bases = (more: Readonly<Record<string, string>>) => readingMmpretrain(more);
  const inherits = (own: string, base: string) =>
    settingsOf(`_base_ = './base.py'\n${own}`, 'configs/a.py', bases({ 'configs/base.py': HEAD + base }));

  test('is read: the model, the schedule, the data and the tricks of its bases', () => {
    const { fits } = fitsOf(textOf('configs/resnet/resnet50_8xb32-smooth-mixup_in1k.py'), NAME, files);
    const isIn = (name: string) => fits.find(({ trick }) => trick.name === name)?.isIn;
    expect(['label_smoothing', 'mixup', 'cutmix', 'warmup'].map(isIn)).toEqual([true, true, false, false]);
    const adamw = fitsOf(textOf('configs/resnet/resnet50_8xb128-adamw_in1k.py'), NAME, files).fits;
    expect(adamw.filter(({ isIn: each }) => each).map(({ trick }) => trick.name)).toEqual(
      expect.arrayContaining([
        'linear_scaling',
        'warmup',
        'no_bias_decay',
        'mixed_precision',
        'ema',
        'mixup',
      ]),
    );
  });

  test('is merged for mappings, replaced otherwise, and removed by _delete_', () => {
    const settings = inherits(
      'a = dict(x=2, y=dict(_delete_=True, n=3))\nb = [1]\n',
      'a = dict(x=1, y=dict(m=1, n=2), z=4)\nb = [2, 3]\nc = 5\n',
    );
    expect(Object.fromEntries(settings)).toEqual({
      default_scope: 'mmpretrain',
      ...{ 'a.x': 2, 'a.y.n': 3, 'a.z': 4, b: [1], c: 5 },
    });
  });

  test('is read of bases of bases, and through links between names', () => {
    expect(
      experimentOf(textOf('configs/resnet/resnet50_8xb32_pets.py'), 'configs/resnet/pets.py').classes,
    ).toEqual({
      known: true,
      value: 37,
    });
    expect(told(experimentOf(textOf('configs/resnet/resnet50_8xb32_in1k.py')).trainImages)).toBe(1_281_167);
  });

  test.each([
    ["'../outside.py'", 'it cannot be read, or is not in this workspace.'],
    ["'mmpretrain::_base_/default_runtime.py'", 'installed packages are not read.'],
    ["'./config.json'", 'only Python files are read.'],
    ["'./base.py'", 'it includes itself.'],
    ["'./wrong.py'", 'it contains an error.'],
    ["'./large.py'", 'it is too large to read.'],
  ])('is unknown if %s cannot be read', (base, why) => {
    const text = `_base_ = ${base}\nmodel = dict(type='ImageClassifier')\ntrain_cfg = dict(_delete_=True)\n`;
    const readText = bases({
      'configs/base.py': "_base_ = './a.py'\n",
      'configs/a.py': text,
      'configs/wrong.py': 'a = dict(\n',
      'configs/large.py': `a = 1\n${'#'.repeat(1 << 18)}`,
    });
    const settings = settingsOf(text, 'configs/a.py', readText);
    expect(settings.absentBecause?.('custom_hooks')).toMatch(why);
    expect(settings.absentBecause?.('model.train_cfg.augments')).toMatch(why);
    expect(settings.absentBecause?.('train_cfg.max_epochs')).toBeNull();
    const ema = fitOf(text, 'configs/a.py', 'ema', readText);
    expect(ema.unknown).toMatch(why);
    expect(ema.toggle().ok).toBe(false);
  });

  test('is unknown if the file computes its bases, or uses their values', () => {
    const computed = settingsOf(`${HEAD}_base_ = bases()\n`, 'a.py');
    expect(computed.absentBecause?.('model')).toBe('The file computes _base_.');
    const used = inherits(
      "model = dict(type='ImageClassifier')\nother = _base_['x']\n",
      'model = dict(depth=1)\n',
    );
    expect(used.absentBecause?.('train_cfg')).toBe('The file computes _base_.');
    expect(inherits('_base_.model.depth = 3\n', 'model = dict(depth=1)\n').get('model')).toBe(COMPUTED);
  });

  test('is computed if two bases have one name, which MMEngine refuses', () => {
    const settings = settingsOf(
      `${HEAD}_base_ = ['./a.py', './b.py']\n`,
      'configs/c.py',
      bases({ 'configs/a.py': 'x = 1\n', 'configs/b.py': 'x = 2\n' }),
    );
    expect(settings.get('x')).toBe(COMPUTED);
  });

  test('has the classes that configs of the new style import by their names', () => {
    const settings = settingsOf(textOf('lazy/resnet/resnet18_8xb32_in1k.py'), 'lazy/resnet/a.py', files);
    expect(settings.get('model.head.loss.type')).toBe('mmpretrain.CrossEntropyLoss');
    expect(settings.get('optim_wrapper.optimizer.type')).toBe('SGD');
    const foreign = settingsOf(
      `${HEAD}from my.models import ResNet\nmodel = dict(backbone=dict(type=ResNet))\n`,
      'a.py',
    );
    expect(foreign.get('model.backbone.type')).toBe(COMPUTED);
  });
});

describe('the experiment of a config', () => {
  const text = textOf('configs/resnet/resnet50_8xb32_in1k.py');
  const more = (own: string, name?: string) => experimentOf(text + own, name);

  test("is ImageNet-1k's only if that is certain", () => {
    expect(told(more('').trainImages)).toBe(1_281_167);
    for (const own of [
      'model = dict(head=dict(num_classes=200))\n',
      "train_dataloader = dict(dataset=dict(type='CustomDataset'))\n",
      "train_dataloader = dict(dataset=dict(data_root='data/tiny-imagenet'))\n",
      "train_dataloader = dict(dataset=dict(split='val'))\n",
      "train_dataloader = dict(dataset=dict(ann_file='meta/half.txt'))\n",
      'train_dataloader = dict(dataset=dict(indices=1000))\n',
      'data_preprocessor = dict(num_classes=200)\n',
      'train_dataloader = dict(dataset=make())\n',
    ]) {
      expect([own, more(own).trainImages.known]).toEqual([own, false]);
    }
    expect(experimentOf(text, NAME, () => null).trainImages.known).toBe(false);
  });

  test('has 200 classes if it says so, and none if two parts contradict', () => {
    const both = 'model = dict(head=dict(num_classes=200))\ndata_preprocessor = dict(num_classes=200)\n';
    expect(told(more(both).classes)).toBe(200);
    expect(more('model = dict(head=dict(num_classes=200))\n').classes).toEqual({
      known: false,
      why: 'model.head.num_classes is 200, but data_preprocessor.num_classes differs.',
    });
  });

  test('has the depth that the file ends with: 33 residual blocks of a ResNet-101', () => {
    const alone = textOf('configs/alone/resnet18_4xb64.py').replace("['depth'] = 18", "['depth'] = 101");
    expect(fitOf(alone, 'a_4xb64.py', 'zero_gamma').effect()).toBe(
      '33 residual blocks start as their shortcut',
    );
    const computed = alone.replace('= 101', '= depth_of(1)');
    expect(fitOf(computed, 'a_4xb64.py', 'zero_gamma').effect()).toBeNull();
  });

  test('has zero gamma by default in the backbones that have it so, and never if they take no such argument', () => {
    const zeroGammaOf = (backbone: string) => {
      const { fits } = fitsOf(`${HEAD}model = dict(backbone=dict(${backbone}))\n`, 'a.py', () => null);
      return fits.find(({ trick }) => trick.name === 'zero_gamma');
    };
    expect(zeroGammaOf("type='ResNeXt', depth=50")).toMatchObject({ isIn: true, unknown: null });
    expect(zeroGammaOf("type='ResNeXt', zero_init_residual=False")).toMatchObject({ isIn: false });
    expect(zeroGammaOf("type='HRNet'")).toMatchObject({ isIn: false, unknown: null });
    expect(zeroGammaOf("type='HRNet', zero_init_residual=True")).toMatchObject({ isIn: true });
    for (const other of ['VisionTransformer', 'VGG']) expect(zeroGammaOf(`type='${other}'`)).toBeUndefined();
    expect(zeroGammaOf("type='OurNet'")?.unknown).toBe(
      "It is unknown whether MMPretrain's OurNet accepts zero_init_residual.",
    );
    expect(zeroGammaOf('')?.unknown).toBe('model.backbone.type is not in the file.');
  });

  test('has the batch of its name, if nothing contradicts', () => {
    expect(told(more('').batchSize)).toBe(256);
    expect(told(more('', 'configs/resnet/resnet50.py').batchSize)).toBeNull();
    expect(more('train_dataloader = dict(batch_size=64)\n').batchSize).toEqual({
      known: false,
      why: 'train_dataloader.batch_size is 64, but the file name says 32.',
    });
    expect(told(more('train_dataloader = loader()\n').batchSize)).toBeNull();
  });

  test('has the size of the only crop, the defaults of PyTorch, and nothing else', () => {
    expect(told(more('').imageSize)).toBe(224);
    expect(
      told(more("train_dataloader = dict(dataset=dict(pipeline=[dict(type='Resize')]))\n").imageSize),
    ).toBeNull();
    const wrapper = "optim_wrapper = dict(_delete_=True, optimizer=dict(type='AdamW', lr=1e-3))\n";
    expect(told(more(wrapper).weightDecay)).toBe(0.01);
    expect(told(more('model = dict(backbone=dict(stem_channels=32))\n').model)).toBeNull();
    expect(told(more('train_cfg = dict(by_epoch=False)\n').epochs)).toBeNull();
    expect(told(experimentOf(textOf('configs/resnet/resnet50_8xb128-adamw_in1k.py')).baseLearningRate)).toBe(
      0.001,
    );
  });
});
