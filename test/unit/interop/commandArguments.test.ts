/** The arguments of training commands are read, edited and written as Python's argparse parses them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyEdits } from '../../../src/experiment/text/textEdits';
import { commandLine } from '../../../src/interop/export/commandLine';
import type { SystemName } from '../../../src/interop/export/system';
import { ADAPTERS, readForeign } from '../../../src/interop/import/adapters';
import { type FlagTable, optionOf, readFlags } from '../../../src/interop/import/argparse';
import { shellScriptOf, shellWord } from '../../../src/interop/import/shell';
import { TIMM, TORCHVISION } from '../../../src/interop/import/trainingPrograms';
import { isMapping } from '../../../src/shared/values';
import { ALL_TRICKS } from '../../../src/tricks/registry';
import { clicked, difference, fitsOf } from '../../support/foreignFiles';
import { parsedByPython } from '../../support/pythonArgparse';
import { resolvedRecipe } from '../../support/smallTraining';
import { callsOf } from '../../support/stubbedShell';

const PROGRAMS = { timm: TIMM, torchvision: TORCHVISION } as const;

/** Returns the values that our reader parses, or null if it rejects the arguments. */
function readHere(argv: readonly string[], table: FlagTable): Record<string, unknown> | null {
  const [command] = shellScriptOf(['python', ...argv].map(shellWord).join(' ')).commands;
  const read = readFlags(command?.words.slice(1) ?? [], table);
  return read && Object.fromEntries(read.flags.map(({ setting, value }) => [setting, value]));
}

describe.each(Object.entries(PROGRAMS))("%s's arguments", (system, { table }) => {
  const samples: Record<string, string[]> = {
    torchvision: [
      '--lr-warmup-ep 5',
      '--lr_warmup_epochs 5',
      '--wd 1e-4',
      '--we 1',
      '--mo 0.9',
      '--ra-s',
      '--amp=1',
      '-b=32',
    ],
    timm: [
      '--warmup-epochs 5 /data',
      '/data --scale 0.08 1.0 --aa rand',
      '--scale 0.08 1.0 /data',
      '-vb 3',
      '-v 3',
      '--dr .1',
    ],
  };
  const shared = [
    '--model resnet50 --lr 0.5',
    '--lr=0.5 --lr 1e-1',
    '-b 64',
    '-b64',
    '-j8 --epochs +90',
    '--epochs 90.0',
    '--lr',
    '--lr -0.5',
    '--lr -1e-3',
    '--lr nan',
    '--opt sgd extra more',
    '--unknown 3',
    '--model-ema --model-ema-decay .5',
    '--model-e',
    '-x',
    '',
  ];

  test('are parsed like argparse does', () => {
    const argvs = [...shared, ...(samples[system] ?? [])].map((each) => each.split(' ').filter(Boolean));
    const theirs = parsedByPython(table, argvs);
    for (const [index, argv] of argvs.entries()) {
      const their = theirs[index];
      const known = typeof their === 'string' ? null : their;
      expect([argv.join(' '), readHere(argv, table)]).toEqual([argv.join(' '), known]);
    }
  });

  test('are parsed like argparse does, whatever they are', () => {
    const options = Object.keys(table.flags).flatMap((key) => {
      const option = `--${key.replaceAll('_', '-')}`;
      return [option, option.slice(0, -1), option.slice(0, 6)];
    });
    const word = fc.oneof(
      fc.constantFrom(...options),
      fc.constantFrom('1', '0.5', '-1', 'a', 'a=True', 'b=0.1', 'c=x', '-b', '-b4', 'none', ''),
      fc
        .tuple(fc.constantFrom(...options), fc.constantFrom('1', '0.5', 'a', ''))
        .map((pair) => pair.join('=')),
    );
    const argvs = fc.sample(fc.array(word, { maxLength: 5 }), { numRuns: 2000, seed: 1 });
    const theirs = parsedByPython(table, argvs);
    const wrong = argvs.flatMap((argv, index) => {
      const their = typeof theirs[index] === 'string' ? null : theirs[index];
      const ours = readHere(argv, table);
      return JSON.stringify(sorted(ours)) === JSON.stringify(sorted(their)) ? [] : [{ argv, ours, their }];
    });
    expect(wrong).toEqual([]);
    expect(theirs.filter((each) => typeof each !== 'string').length).toBeGreaterThan(200);
  });
});

function sorted(value: unknown): unknown {
  return isMapping(value) ? Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)) : value;
}

describe('a command that is exported', () => {
  const DATA = {
    dataset: 'synthetic',
    train_images: 640,
    height: 64,
    width: 64,
    channels: 3,
    batch_size: 64,
  };
  const options = { distillation: { teacher: 'abc' }, linear_scaling: { base_batch_size: 32 } } as Record<
    string,
    object
  >;
  const experiments: Record<string, object> = {
    plain: {},
    ...Object.fromEntries(
      ALL_TRICKS.map(({ name }) => [name, { tricks: { [name]: options[name] ?? true } }]),
    ),
    'a small model': { model: { name: 'resnet20' } },
    'a schedule by steps': { schedule: { epochs: 30, decay: { name: 'step', every: 10 } } },
    'a polynomial': { schedule: { epochs: 30, decay: { name: 'polynomial' } } },
    'a rate as it is': { schedule: { epochs: 30, decay: { name: 'constant' } } },
    adamw: { optimizer: { name: 'adamw', base_lr: 0.001 } },
    'augmentation by steps': {
      data: { ...DATA, augment: ['random_resized_crop', 'flip', 'color_jitter', 'randaugment'] },
    },
    'a name with a quote': { name: "it's $HOME\n`x`", init: "it's/$HOME.safetensors" },
  };

  const anyExperiment = fc.record({
    tricks: fc.uniqueArray(fc.constantFrom(...ALL_TRICKS.map(({ name }) => name)), { maxLength: 6 }),
    model: fc.constantFrom('resnet50', 'resnet18', 'resnet20', 'vgg16_bn', 'densenet121', 'mobilenet_v1'),
    epochs: fc.integer({ min: 12, max: 300 }),
    decay: fc.constantFrom('cosine', 'constant', 'step', 'polynomial'),
    weight_decay: fc.constantFrom(0, 1e-4, 5e-5),
    augment: fc.constantFrom('none', 'crop_flip', ['random_resized_crop', 'flip'], ['trivialaugment']),
  });

  /** Returns random experiments whose parts fit together. */
  function randomExperiments(): [string, object][] {
    return fc
      .sample(anyExperiment, { numRuns: 60, seed: 7 })
      .flatMap(({ tricks, model, ...rest }): [string, object][] => {
        const parts = {
          data: { ...DATA, augment: rest.augment },
          model: { name: model },
          optimizer: { name: 'sgd', base_lr: 0.1, weight_decay: rest.weight_decay },
          schedule: { epochs: rest.epochs, decay: { name: rest.decay } },
          tricks: Object.fromEntries(tricks.map((name) => [name, options[name] ?? true])),
        };
        try {
          resolvedRecipe({ name: 'a', ...parts });
          return [[JSON.stringify(parts), parts]];
        } catch {
          return [];
        }
      });
  }

  test.each(['timm', 'torchvision'] as const)(
    'for %s is parsed as its own, with options that it accepts',
    (system) => {
      const random = randomExperiments();
      expect(random.length).toBeGreaterThan(15);
      const scripts = [...Object.entries(experiments), ...random].map(
        ([name, parts]) =>
          [name, exported(system, { data: DATA, model: { name: 'resnet50' }, ...parts })] as const,
      );
      const argvs = scripts.map(([, script]) => argumentsOf(script));
      const theirs = parsedByPython(PROGRAMS[system].table, argvs);
      for (const [index, [name, script]] of scripts.entries()) {
        const found = readForeign(script, `${system}.sh`);
        expect([name, found?.adapter.system]).toEqual([name, system]);
        if (!found || 'unread' in found.file) throw new Error(`${name} is not read`);
        expect([name, nested(found.file.settings)]).toEqual([name, withoutEmpty(theirs[index])]);
      }
    },
  );
});

function exported(system: SystemName, parts: object): string {
  return commandLine(system, resolvedRecipe({ name: 'a', ...parts }));
}

/** Returns the arguments that bash passes to train.py. */
function argumentsOf(script: string): string[] {
  const calls = callsOf(script, { ARGS: '', LR: '0.1' });
  expect(calls).toHaveLength(1);
  const words = calls[0]!;
  const at = words.findIndex((word) => /train\.(?:py|sh)$/.test(word));
  // timm's own launch script takes the number of processes first.
  return words.slice(words[at]!.endsWith('.sh') ? at + 2 : at + 1);
}

/** Converts settings back from pairs to mappings. */
function nested(settings: ReadonlyMap<string, unknown>): Record<string, unknown> {
  const whole: Record<string, unknown> = {};
  for (const [path, value] of settings) {
    const [key = '', pair] = path.split('.');
    whole[key] = pair === undefined ? value : { ...((whole[key] as object) ?? {}), [pair]: value };
  }
  return whole;
}

function withoutEmpty(value: unknown): unknown {
  if (!isMapping(value)) return value;
  return Object.fromEntries(
    Object.entries(value).filter(([, each]) => !isMapping(each) || Object.keys(each).length > 0),
  );
}

const STYLES: Record<string, readonly [system: SystemName, script: string]> = {
  'one line': [
    'torchvision',
    'torchrun train.py --model resnet50 --lr-scheduler steplr --train-crop-size 176\n',
  ],
  'a line each': [
    'torchvision',
    '#!/bin/bash\nset -e\ntorchrun --nproc_per_node=8 train.py \\\n    --model resnet50 --batch-size 128 \\\n    --lr 0.5 --label-smoothing=0.1 \\\n    --mixup-alpha 0.2 \\\n    --val-resize-size 232 \\\n    --epochs 90 # the end\necho done\n',
  ],
  'a loop': [
    'torchvision',
    'for s in 1; do torchrun train.py --lr-scheduler cosineannealinglr --lr-warmup-epochs 5 --lr-warmup-method linear --epochs 90; done\n',
  ],
  'a pipe and a redirection': [
    'torchvision',
    'OMP_NUM_THREADS=1 python train.py --model resnet18 --amp --lr-step-size 30 --norm-weight-decay 0 2>&1 | tee log\n',
  ],
  'a background job': [
    'torchvision',
    'nohup python train.py --cutmix-alpha 1 --model-ema --lr-gamma .1 > log 2>&1 &\nwait\n',
  ],
  'names cut short': [
    'torchvision',
    'python train.py --lr-warmup-ep 5 --lr-warmup-method linear --val-crop-size 224 --wd 1e-4\n',
  ],
  'pairs behind =': [
    'timm',
    'python train.py /data --model resnet50 --opt sgd --sched step --model-kwargs=stem_width=32 --opt-kwargs=filter_bias_and_bn=False\n',
  ],
  "torchvision's home": [
    'torchvision',
    'torchrun vision/references/classification/train.py --model resnet50\n',
  ],
  "timm's starter": [
    'timm',
    './distributed_train.sh 4 /data/imagenet --model resnet50 --sched cosine --epochs 200 --lr 0.05 --amp --model-kwargs zero_init_last=False\n',
  ],
  'timm, a line each': [
    'timm',
    "torchrun --nproc_per_node=2 train.py --data-dir '/data/my images' \\\n  --model resnet50d --opt lamb \\\n  --lr-base 0.001 --sched=cosine \\\n  --mixup 0.2 --cutmix=1.0 --smoothing 0.1 \\\n  --drop-path 0.05 --reprob .25 \\\n  --opt-betas 0.9 0.99 --clip-grad 1\n",
  ],
  'timm, hidden arguments': [
    'timm',
    'python train.py --model resnet50 --opt momentum --sched step --reprob 0.3 --mixup 0.1 $ARGS\n',
  ],
  'timm, a condition': ['timm', 'if true; then python train.py /data --opt sgd --sched step; fi\n'],
};

describe('the tables of options', () => {
  test.each(Object.values(PROGRAMS))('have the defaults that tricks use: $system', ({ system, table }) => {
    const adapter = ADAPTERS.findLast((each) => each.system === system);
    const telling =
      system === 'timm' ? ['--sched', 'step', '--opt', 'sgd'] : ['--lr-gamma', '0.1', '--opt', 'sgd'];
    const written = Object.entries(table.flags).flatMap(([setting, { byDefault, type, isOlder }]) => {
      const isOmitted =
        isOlder ||
        type === 'switch' ||
        type === 'pairs' ||
        byDefault === null ||
        [byDefault].flat().join('') === '';
      if (isOmitted || telling.includes(optionOf(setting)) || setting === 'local_rank') return [];
      return [optionOf(setting), ...[byDefault].flat().map(String)];
    });
    const states = (words: readonly string[]) =>
      fitsOf(['python', 'train.py', ...words].join(' '), 'a.sh').fits.map(
        ({ trick, isIn, unknown, effect }) => ({
          name: trick.name,
          isIn,
          unknown,
          effect: effect(),
        }),
      );
    expect(written.length).toBeGreaterThan(40);
    expect(states([...telling, ...written])).toEqual(states(telling));
    for (const [name, { settings }] of Object.entries(adapter?.tricks ?? {})) {
      for (const setting of settings) {
        expect([name, setting, Object.hasOwn(table.flags, setting.split('.')[0] ?? '')]).toEqual([
          name,
          setting,
          true,
        ]);
      }
    }
  });
});

describe('an edit of a script', () => {
  test.each(Object.entries(STYLES))(
    'with %s gives the program what the lens promised, and can be reverted',
    (_, [system, script]) => {
      const { table } = PROGRAMS[system];
      const edited = fitsOf(script, 'a.sh').fits.flatMap((fit) => {
        const result = fit.toggle();
        return result.ok
          ? [{ name: fit.trick.name, isIn: fit.isIn, text: applyEdits(script, result.edits) }]
          : [];
      });
      expect(edited.length).toBeGreaterThan(2);
      const theirs = parsedByPython(
        table,
        edited.map(({ text }) => argumentsOf(text)),
      );
      for (const [index, { name, isIn, text }] of edited.entries()) {
        const found = readForeign(text, 'a.sh');
        if (!found || 'unread' in found.file) throw new Error(`${name} is not read`);
        expect([name, withoutEmpty(nested(found.file.settings))]).toEqual([
          name,
          withoutEmpty(theirs[index]),
        ]);
        expect(text).not.toBe(script);
        // Inserting settings that were absent and removing them again leaves nothing behind.
        const before = readForeign(script, 'a.sh')?.file;
        const settings = found.adapter.tricks[name]?.settings ?? [];
        const hadSome = before && 'settings' in before && settings.some((each) => before.settings.has(each));
        if (!isIn && !hadSome) expect([name, clicked(['a.sh', text], name)]).toEqual([name, script]);
        // Only arguments change: the program starts as before.
        expect(text.split('train.')[0]).toBe(script.split('train.')[0]);
      }
    },
  );

  test('keeps the form of each option', () => {
    const [, script] = STYLES['timm, a line each']!;
    const changed = (name: string) => difference(script, clicked(['a.sh', script], name));
    expect(changed('cosine_decay')).toEqual([
      '-   --lr-base 0.001 --sched=cosine \\',
      '+   --lr-base 0.001 --sched=step \\',
    ]);
    expect(changed('label_smoothing')).toContain('+   --mixup 0.2 --cutmix=1.0 --smoothing 0 \\');
    expect(changed('cutmix')).toContain('+   --mixup 0.2 --smoothing 0.1 \\');
    expect(changed('zero_gamma')).toEqual([
      '-   --opt-betas 0.9 0.99 --clip-grad 1',
      '+   --opt-betas 0.9 0.99 --clip-grad 1 \\',
      '+   --model-kwargs zero_init_last=False',
    ]);
    const short = STYLES['names cut short']![1];
    const fit = fitsOf(short, 'a.sh').fits.find(({ trick }) => trick.name === 'warmup');
    const result = fit?.configure('epochs', 3);
    expect(result?.ok && applyEdits(short, result.edits)).toBe(
      short.replace('--lr-warmup-ep 5', '--lr-warmup-ep 3'),
    );
  });

  test('keeps the line ends of Windows', () => {
    const [, script] = STYLES['a line each']!;
    for (const { trick } of fitsOf(script, 'a.sh').fits.filter((fit) => fit.toggle().ok)) {
      const windows = clicked(['a.sh', script.replaceAll('\n', '\r\n')], trick.name);
      expect(windows).toBe(clicked(['a.sh', script], trick.name).replaceAll('\n', '\r\n'));
    }
  });
});
