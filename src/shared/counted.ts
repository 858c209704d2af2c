import * as l10n from '@vscode/l10n';
import { assertNever } from './assertNever';
import { formatCount, formatNumber } from './format';

/** The nouns that texts count. */
export type Counted =
  | ('epoch' | 'step' | 'batch' | 'block' | 'image' | 'class' | 'line')
  | ('row' | 'sample' | 'shard' | 'path')
  | ('run' | 'trial' | 'factor' | 'setting' | 'hour' | 'tensor' | 'value' | 'parameter' | 'thread' | 'time');

/** Formats a count with its noun, such as '1 epoch', '12,000 images' or '0.5 epochs'. */
export function counted(count: number, noun: Counted): string {
  const many = Number.isInteger(count) ? formatCount(count) : formatNumber(count);
  const either = (one: string, more: string) => (count === 1 ? one : more);
  switch (noun) {
    case 'epoch':
      return either(l10n.t('1 epoch'), l10n.t('{0} epochs', many));
    case 'step':
      return either(l10n.t('1 step'), l10n.t('{0} steps', many));
    case 'batch':
      return either(l10n.t('1 batch'), l10n.t('{0} batches', many));
    case 'block':
      return either(l10n.t('1 block'), l10n.t('{0} blocks', many));
    case 'image':
      return either(l10n.t('1 image'), l10n.t('{0} images', many));
    case 'class':
      return either(l10n.t('1 class'), l10n.t('{0} classes', many));
    case 'line':
      return either(l10n.t('1 line'), l10n.t('{0} lines', many));
    case 'row':
      return either(l10n.t('1 row'), l10n.t('{0} rows', many));
    case 'sample':
      return either(l10n.t('1 sample'), l10n.t('{0} samples', many));
    case 'shard':
      return either(l10n.t('1 shard'), l10n.t('{0} shards', many));
    case 'path':
      return either(l10n.t('1 path'), l10n.t('{0} paths', many));
    case 'run':
      return either(l10n.t('1 run'), l10n.t('{0} runs', many));
    case 'trial':
      return either(l10n.t('1 trial'), l10n.t('{0} trials', many));
    case 'factor':
      return either(l10n.t('1 factor'), l10n.t('{0} factors', many));
    case 'setting':
      return either(l10n.t('1 setting'), l10n.t('{0} settings', many));
    case 'hour':
      return either(l10n.t('1 hour'), l10n.t('{0} hours', many));
    case 'tensor':
      return either(l10n.t('1 tensor'), l10n.t('{0} tensors', many));
    case 'value':
      return either(l10n.t('1 value'), l10n.t('{0} values', many));
    case 'parameter':
      return either(l10n.t('1 parameter'), l10n.t('{0} parameters', many));
    case 'thread':
      return either(l10n.t('1 thread'), l10n.t('{0} threads', many));
    case 'time':
      return either(l10n.t('once'), l10n.t('{0} times', many));
    default:
      return assertNever(noun);
  }
}
