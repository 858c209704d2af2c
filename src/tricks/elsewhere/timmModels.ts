import * as l10n from '@vscode/l10n';
import { amount, choice, type Settings, type TrickMapping, textAt, UnknownHere } from './mapping';

/**
 * Constructor arguments of timm's models, read from the sources of release 1.0.28. `zero_init_last` is an argument of
 * the ResNets in its resnet.py, with the default true, and of a few others. `drop_path_rate` is an argument of most
 * models.
 */

/** The models of timm's resnet.py. */
const RESNETS = new Set(
  `ecaresnet101d ecaresnet101d_pruned ecaresnet200d ecaresnet269d ecaresnet26t ecaresnet50d ecaresnet50d_pruned
  ecaresnet50t ecaresnetlight ecaresnext26t_32x4d ecaresnext50t_32x4d resnet101 resnet101c resnet101d resnet101s
  resnet10t resnet14t resnet152 resnet152c resnet152d resnet152s resnet18 resnet18d resnet200 resnet200d resnet26
  resnet26d resnet26t resnet34 resnet34d resnet50 resnet50_gn resnet50c resnet50d resnet50s resnet50t resnetaa101d
  resnetaa34d resnetaa50 resnetaa50d resnetblur101d resnetblur18 resnetblur50 resnetblur50d resnetrs101 resnetrs152
  resnetrs200 resnetrs270 resnetrs350 resnetrs420 resnetrs50 resnext101_32x16d resnext101_32x32d resnext101_32x4d
  resnext101_32x8d resnext101_64x4d resnext50_32x4d resnext50d_32x4d senet154 seresnet101 seresnet152 seresnet152d
  seresnet18 seresnet200d seresnet269d seresnet34 seresnet50 seresnet50t seresnetaa50d seresnext101_32x4d
  seresnext101_32x8d seresnext101_64x4d seresnext101d_32x8d seresnext26d_32x4d seresnext26t_32x4d seresnext50_32x4d
  seresnextaa101d_32x8d seresnextaa201d_32x8d test_resnet wide_resnet101_2 wide_resnet50_2`.split(/\s+/),
);

/** Family names (the leading letters of model names) whose constructors do not have `zero_init_last`. */
const WITHOUT_ZERO_INIT = new Set(
  `aimv beit beitv caformer cait coat coatnet coatnext convformer convit convmixer convnext convnextv crossvit csatv
  davit deit densenet densenetblur dla dm dpn edgenext efficientformer efficientformerv efficientnet efficientnetv
  efficientvit ese eva fasternet fastvit fbnetc fbnetv flexivit focalnet gc gcvit ghostnet ghostnetv gmixer gmlp
  hardcorenas hgnet hgnetv hiera hieradet hrnet inception lcnet legacy levit mambaout maxvit maxxvit maxxvitv mixer
  mixnet mnasnet mobilenet mobilenetv mvitv naflexvit nasnetalarge nest nextvit nf nfnet pit pnasnet poolformer
  poolformerv pvt rdnet repghostnet repvit resmlp rexnet rexnetr sam samvit selecsls semnasnet sequencer shvit
  spnasnet starnet swiftformer swin swinv tf tiny tinynet tnt tresnet twins vgg visformer vit vitamin volo vovnet
  xception xcit`.split(/\s+/),
);

/** Families whose constructors do not have `drop_path_rate`. */
const WITHOUT_DROP_PATH = new Set(
  `convmixer densenet densenetblur dla dpn efficientvit ghostnet ghostnetv hrnet legacy nasnetalarge pnasnet
  repghostnet repvit selecsls shvit vgg`.split(/\s+/),
);

/** Families in which only some models have it, or that pass on unknown arguments. */
const MIXED_DROP_PATH = new Set(['inception', 'naflexvit', 'xception']);

/** Whether a model has `zero_init_last`, which then defaults to true. Undefined if unknown. */
export function takesZeroInit(model: string): boolean | undefined {
  const name = architectureOf(model);
  if (RESNETS.has(name)) return true;
  return WITHOUT_ZERO_INIT.has(familyOf(name)) ? false : undefined;
}

/** Whether a model has `drop_path_rate`. Undefined if unknown. */
export function takesDropPath(model: string): boolean | undefined {
  const name = architectureOf(model);
  const family = familyOf(name);
  if (RESNETS.has(name)) return true;
  if (WITHOUT_DROP_PATH.has(family)) return false;
  return WITHOUT_ZERO_INIT.has(family) && !MIXED_DROP_PATH.has(family) ? true : undefined;
}

/** Returns a model's name without the tag of its weights, such as `.a1_in1k`. */
export function architectureOf(model: string): string {
  return model.split('.')[0] ?? '';
}

function familyOf(name: string): string {
  return /^[a-z]+/.exec(name)?.[0] ?? '';
}

/** Returns timm's name of a file's model. */
export function modelIn(settings: Settings): string {
  return textAt(settings, 'model') ?? 'resnet50';
}

/** Zero gamma, a constructor argument of only a few models. */
export const timmZeroInit: TrickMapping = {
  ...choice('model_kwargs.zero_init_last', true, { byDefault: true, off: false }),
  fits: (settings) => isTaken(takesZeroInit, settings, 'zero_init_last'),
};

/** Stochastic depth, which timm passes to the models' constructors. */
export const timmDropPath: TrickMapping = {
  ...amount('drop_path', 'rate', { off: 0 }),
  fits: (settings) => isTaken(takesDropPath, settings, 'drop_path_rate'),
};

function isTaken(
  takes: (model: string) => boolean | undefined,
  settings: Settings,
  argument: string,
): boolean {
  const model = modelIn(settings);
  const taken = takes(model);
  if (taken === undefined) {
    throw new UnknownHere(l10n.t("It is unknown whether timm's {0} accepts {1}.", model, argument));
  }
  return taken;
}
