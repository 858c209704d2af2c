import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import { modelText } from '../../models/modelText';
import type { ClassBalance } from '../../recipe/classBalance';
import { type Inspection, inspect, type LayerInspection } from '../../recipe/inspection';
import { assertNever } from '../../shared/assertNever';
import { counted } from '../../shared/counted';
import { formatCount, formatNumber } from '../../shared/format';
import { readRecipe } from '../input';
import {
  type CommandContext,
  experimentArgument,
  type JsonOption,
  type OverrideOptions,
  overridesOf,
  withSet,
} from '../options';
import { table } from '../table';
import { EXIT, type ExitCode, paint, type Terminal } from '../terminal';

export function addInspectCommand(program: Command, { terminal, end }: CommandContext): void {
  withSet(program.command('inspect'))
    .description(l10n.t("print a model's layers, counts and parameter groups; needs no data"))
    .argument(...experimentArgument())
    .option('--json', l10n.t('print them as JSON'))
    .action(async (file: string, options: OverrideOptions & JsonOption) => {
      end(await printInspection(terminal, file, options));
    });
}

/** Prints the layers, counts and parameter groups of an experiment's network. Needs no data. */
async function printInspection(
  terminal: Terminal,
  file: string,
  options: OverrideOptions & JsonOption,
): Promise<ExitCode> {
  const recipe = await readRecipe(terminal, file, { overrides: overridesOf(options), purpose: 'inspect' });
  if (!recipe) return EXIT.badInput;
  const inspection = inspect(recipe);
  if (options.json) {
    terminal.printJson(inspection, 2);
    return EXIT.done;
  }
  const { model, input, classes } = inspection;
  terminal.print(paint('bold', modelText(model)));
  terminal.print(l10n.t('For images of {0} and {1}.', shapeText(input), counted(classes, 'class')));
  const [layerTitles = '', ...layers] = layerTable(inspection.layers);
  const [groupTitles = '', ...groups] = groupTable(inspection);
  terminal.print();
  terminal.print(paint('bold', layerTitles));
  for (const line of layers) terminal.print(line);
  terminal.print();
  for (const line of table(totals(inspection), [1])) terminal.print(line);
  terminal.print();
  terminal.print(paint('bold', groupTitles));
  for (const line of groups) terminal.print(line);
  if (inspection.classBalance) {
    terminal.print();
    const titles = [l10n.t('CLASS'), l10n.t('IMAGES'), l10n.t('WEIGHT'), l10n.t('IMAGES PER EPOCH')];
    terminal.printTable(titles, inspection.classBalance.map(balanceRow), [1, 2, 3]);
  }
  return EXIT.done;
}

function layerTable(layers: readonly LayerInspection[]): string[] {
  const titles = [
    l10n.t('LAYER'),
    l10n.t('KIND'),
    l10n.t('OUTPUT'),
    l10n.t('PARAMETERS'),
    l10n.t('MULTIPLY-ADDS'),
  ];
  const rows = layers.map((layer) => [
    layer.name ?? '',
    kindText(layer),
    shapeText(layer.shape),
    countOrBlank(layer.parameters),
    countOrBlank(layer.multiplyAdds),
  ]);
  return table([titles, ...rows], [3, 4]);
}

function totals({ parameters, multiplyAdds, zeroGammaNorms }: Inspection): string[][] {
  return [
    [l10n.t('Parameters'), formatCount(parameters)],
    [l10n.t('Multiply-adds per image'), formatCount(multiplyAdds)],
    [l10n.t('Norms that start at gamma 0'), formatCount(zeroGammaNorms)],
  ];
}

function groupTable({ parameterGroups }: Inspection): string[] {
  const titles = [
    l10n.t('PARAMETER GROUP'),
    l10n.t('LEARNING RATE'),
    l10n.t('WEIGHT DECAY'),
    l10n.t('TENSORS'),
    l10n.t('ELEMENTS'),
  ];
  const rows = parameterGroups.map(({ name, weightDecay, learningRateFactor, tensors, elements }) => [
    name,
    learningRateFactor === 0 ? l10n.t('frozen') : `${formatNumber(learningRateFactor)}x`,
    formatNumber(weightDecay),
    formatCount(tensors),
    formatCount(elements),
  ]);
  return table([titles, ...rows], [1, 2, 3, 4]);
}

function balanceRow({ name, images, weight, imagesPerEpoch }: ClassBalance): string[] {
  return [name, formatCount(images), formatNumber(weight), formatCount(imagesPerEpoch)];
}

function kindText(layer: LayerInspection): string {
  switch (layer.kind) {
    case 'input':
      return l10n.t('input');
    case 'conv2d':
      return windowText(layer.isDepthwise ? l10n.t('depthwise convolution') : l10n.t('convolution'), layer);
    case 'batch_norm':
      return l10n.t('batch norm');
    case 'relu':
      return 'ReLU';
    case 'relu6':
      return 'ReLU6';
    case 'add':
      return l10n.t('sum');
    case 'concat':
      return l10n.t('concatenation');
    case 'dropout':
      return l10n.t('dropout');
    case 'max_pool':
      return windowText(l10n.t('max pool'), layer);
    case 'average_pool':
      return windowText(l10n.t('average pool'), layer);
    case 'adaptive_average_pool':
    case 'global_average_pool':
      return l10n.t('average pool');
    case 'flatten':
      return l10n.t('flatten');
    case 'dense':
      return l10n.t('fully connected');
    default:
      return assertNever(layer.kind);
  }
}

/** For example 'convolution 3x3 / 2'. The stride is shown if it is not 1. */
function windowText(name: string, { window }: LayerInspection): string {
  if (!window) return name;
  const size = `${name} ${window.size.join('x')}`;
  return window.stride === 1 ? size : `${size} / ${window.stride}`;
}

function shapeText(shape: readonly number[]): string {
  return shape.join(' x ');
}

function countOrBlank(value: number): string {
  return value === 0 ? '' : formatCount(value);
}
