import * as l10n from '@vscode/l10n';
import { assertNever } from '../shared/assertNever';
import { counted } from '../shared/counted';
import { roughBytes } from '../shared/format';
import type { EngineState } from './choice';
import type { Diagnosis, Gpu } from './doctor';
import { formatText } from './formats';

/** Formats a diagnosis as lines of text. */
export function linesOf({ node, system, gpus, engines, auto, faster }: Diagnosis): string[] {
  return [
    l10n.t('Node {0}, ABI {1}, Node-API {2}', node.version, node.abi, node.napi),
    l10n.t(
      '{0}, {1}, {2}, {3} {4}',
      system.processor,
      counted(system.threads, 'thread'),
      roughBytes(system.memoryBytes),
      system.platform,
      system.arch,
    ),
    ...(system.hasBfloat16 ? [l10n.t('The processor supports bfloat16 multiplication.')] : []),
    ...(gpus.length === 0 ? [l10n.t('No GPU detected.')] : gpus.map(gpuLine)),
    '',
    ...engines.flatMap(engineLines),
    '',
    l10n.t('auto uses {0}.', auto.engine),
    faster === null
      ? l10n.t('Nothing faster is known for this machine.')
      : l10n.t('To train faster: {0}', faster),
  ];
}

function engineLines(state: EngineState): string[] {
  const { name, status, detail, remedy, folder, formats = [], skipped = [] } = state;
  const heading = `${name}: ${statusText(status)}. ${detail}${folder === null ? '' : ` (${folder})`}`;
  const isUnusable = status === 'broken' || status === 'refused';
  return [
    heading,
    ...(isUnusable && remedy !== null ? [`  ${remedy}`] : []),
    ...formats.map((format) => `  ${formatText(format)}`),
    ...skipped.map((sentence) => `  ${l10n.t('Skipped: {0}', sentence)}`),
  ];
}

function statusText(status: EngineState['status']): string {
  switch (status) {
    case 'works':
      return l10n.t('works');
    case 'missing':
      return l10n.t('missing');
    case 'broken':
      return l10n.t('broken');
    case 'refused':
      return l10n.t('refused');
    default:
      return assertNever(status);
  }
}

function gpuLine({ name, memoryBytes, driver }: Gpu): string {
  return [
    l10n.t('GPU: {0}', name),
    ...(memoryBytes === null ? [] : [roughBytes(memoryBytes)]),
    driver === null ? l10n.t('driver unknown') : l10n.t('driver {0}', driver),
  ].join(', ');
}
