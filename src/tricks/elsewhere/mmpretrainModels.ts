import * as l10n from '@vscode/l10n';
import { type Settings, settingAt, type TrickMapping, UnknownHere } from './mapping';
import { takenOut, typeAt } from './mmpretrain';

/**
 * Constructor arguments of MMPretrain's backbones, read from the sources of release 1.2.0. `zero_init_residual` is an
 * argument of its ResNets, with the default true, and of two others, with the default false.
 */

const ON_BY_DEFAULT = new Set(
  'RegNet Res2Net ResNeSt ResNeXt ResNet ResNetV1c ResNetV1d ResNet_CIFAR SEResNeXt SEResNet'.split(' '),
);

const OFF_BY_DEFAULT = new Set(['HRNet', 'SparseResNet']);

const WITHOUT_ZERO_INIT = new Set(
  `AlexNet BEiTViT CSPDarkNet CSPNet CSPResNeXt CSPResNet ConvMixer ConvNeXt Conformer DaViT DeiT3 DenseNet
  DistilledVisionTransformer EdgeNeXt EfficientFormer EfficientNet EfficientNetV2 HiViT HorNet InceptionV3 LeNet5 LeViT
  MViT MixMIMTransformer MlpMixer MobileNetV2 MobileNetV3 MobileOne MobileViT PCPVT PoolFormer PyramidVig RIFormer
  RepLKNet RepMLPNet RepVGG RevVisionTransformer SVT ShuffleNetV1 ShuffleNetV2 SparseConvNeXt SwinTransformer
  SwinTransformerV2 T2T_ViT TIMMBackbone TNT TinyViT VAN VGG ViTEVA02 ViTSAM Vig VisionTransformer XCiT`.split(
    /\s+/,
  ),
);

const BACKBONE = 'model.backbone.type';
const ZERO_INIT = 'model.backbone.zero_init_residual';

/** Zero gamma, a constructor argument of only a few backbones. */
export const mmpretrainZeroInit: TrickMapping = {
  settings: [ZERO_INIT],
  fits: (settings) => byDefault(settings) !== undefined,
  read: (settings) => ((settingAt(settings, ZERO_INIT) ?? byDefault(settings)) === true ? {} : null),
  write: (_, settings) => (byDefault(settings) ? takenOut(settings, ZERO_INIT, true) : { [ZERO_INIT]: true }),
  erase: (settings) => (byDefault(settings) ? { [ZERO_INIT]: false } : takenOut(settings, ZERO_INIT, false)),
};

/** Returns the default of `zero_init_residual`, undefined if the backbone has no such argument. */
function byDefault(settings: Settings): boolean | undefined {
  const type = typeAt(settings, BACKBONE);
  if (type === undefined) throw new UnknownHere(l10n.t('{0} is not in the file.', BACKBONE));
  if (ON_BY_DEFAULT.has(type)) return true;
  if (OFF_BY_DEFAULT.has(type)) return false;
  if (WITHOUT_ZERO_INIT.has(type)) return undefined;
  throw new UnknownHere(
    l10n.t("It is unknown whether MMPretrain's {0} accepts {1}.", type, 'zero_init_residual'),
  );
}
