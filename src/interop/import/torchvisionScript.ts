import * as l10n from '@vscode/l10n';
import { Lines } from '../../experiment/problem';
import type { TextEdit } from '../../experiment/text/textEdits';
import { RESNET_NAMES } from '../../models/catalog';
import { COMPUTED, numberAt, textAt } from '../../tricks/elsewhere/mapping';
import { type Adapter, IMAGENET, mappingsOf } from './adapter';

/** A word of a command, quotes included. */
interface Word {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** A flag with what follows it. */
interface Flag {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly value: unknown;
}

/** A call of torchvision's references/classification/train.py in a shell script. */
export const torchvisionScript: Adapter = {
  system: 'torchvision',
  read(text, fileName) {
    if (!/\.sh$/i.test(fileName)) return null;
    const words = commandOf(text);
    if (!words) return null;
    const flags = flagsOf(words);
    const lines = new Lines(text);
    const settings = new Map(flags.map(({ name, value }) => [name, value]));
    const firsts = new Map(flags.toReversed().map((flag) => [flag.name, flag]));
    const first = words[0]!;
    return {
      settings,
      rangeOf: (setting) => {
        const flag = firsts.get(setting);
        return flag ? lines.range(flag.start, flag.end) : null;
      },
      start: lines.range(first.start, first.end),
      edit: (changes) => {
        const edits: TextEdit[] = [];
        let added = '';
        for (const [name, value] of Object.entries(changes)) {
          const flag = firsts.get(name);
          if (flag?.value === COMPUTED) {
            return { ok: false, reason: l10n.t('{0} is computed by the script.', `--${name}`) };
          }
          if (flag && value === undefined) {
            const start = gapBefore(text, flag.start);
            edits.push({ offset: start, length: flag.end - start, text: '' });
          } else if (flag) {
            edits.push({ offset: flag.start, length: flag.end - flag.start, text: written(name, value) });
          } else if (value !== undefined) {
            added += separatorOf(text, words) + written(name, value);
          }
        }
        if (added !== '') edits.push({ offset: words.at(-1)!.end, length: 0, text: added });
        return { ok: true, edits };
      },
    };
  },
  anchors: {
    'optimizer.base_lr': ['lr'],
    'optimizer.weight_decay': ['wd', 'weight-decay'],
    'optimizer.name': ['opt'],
    optimizer: ['opt'],
    'schedule.epochs': ['epochs'],
    'schedule.decay': ['lr-scheduler'],
    'data.batch_size': ['batch-size', 'b'],
    'data.augment': ['auto-augment'],
    model: ['model'],
  },
  tricks: mappingsOf('torchvision'),
  experiment(settings) {
    const name = RESNET_NAMES.find((each) => each === (textAt(settings, 'model') ?? 'resnet18'));
    const optimizer = textAt(settings, 'opt') ?? 'sgd';
    const ours = { sgd: 'sgd', sgd_nesterov: 'sgd', adamw: 'adamw' }[optimizer];
    const processes = numberAt(settings, 'nproc_per_node') ?? numberAt(settings, 'nproc-per-node') ?? 1;
    const perProcess = numberAt(settings, 'batch-size') ?? numberAt(settings, 'b') ?? 32;
    const decay = numberAt(settings, 'wd') ?? numberAt(settings, 'weight-decay');
    return {
      parts: {
        data: { ...IMAGENET, batch_size: processes * perProcess },
        // torchvision's ResNets have their stride in the 3x3 convolution.
        model: name ? { name, variant: 'B' } : { name: 'resnet50' },
        optimizer: {
          name: ours ?? 'sgd',
          base_lr: numberAt(settings, 'lr') ?? 0.1,
          weight_decay: decay ?? 1e-4,
        },
        schedule: { epochs: numberAt(settings, 'epochs') ?? 90 },
      },
      isWhole: name !== undefined && ours !== undefined && ![...settings.values()].includes(COMPUTED),
    };
  },
};

/** The words of the first command that calls train.py with flags. */
function commandOf(text: string): Word[] | null {
  // A line goes on where a backslash ends it.
  for (const line of text.matchAll(/(?:[^\n\\]|\\\r?\n|\\[^\n])+/g)) {
    const words: Word[] = [];
    for (const found of line[0].matchAll(/#[^\n]*|(?:"(?:\\.|[^"\\])*"|'[^']*'|\\[^\s]|[^\s\\"'#])+/g)) {
      if (found[0].startsWith('#')) break;
      // What comes after an operator is another command, or a file.
      if (/^(?:[|&;]|\d?[<>])/.test(found[0])) break;
      const start = line.index + found.index;
      words.push({ text: found[0], start, end: start + found[0].length });
    }
    const isTraining = words.some((word) => /(?:^|\/)train\.py$/.test(word.text));
    if (isTraining && words.some((word) => word.text.startsWith('--'))) return words;
  }
  return null;
}

function flagsOf(words: readonly Word[]): Flag[] {
  return words.flatMap((word, index): Flag[] => {
    const [, name, joined] = /^--?([a-z][\w-]*)(?:=(.*))?$/s.exec(word.text) ?? [];
    if (name === undefined) return [];
    if (joined !== undefined) return [{ name, start: word.start, end: word.end, value: literalOf(joined) }];
    const next = words[index + 1];
    const hasValue = next && !/^--?[a-z]/.test(next.text) && !/\.py$/.test(next.text);
    return [
      {
        name,
        start: word.start,
        end: hasValue ? next.end : word.end,
        value: hasValue ? literalOf(next.text) : true,
      },
    ];
  });
}

function literalOf(word: string): unknown {
  const bare = word.replace(/^(["'])(.*)\1$/s, '$2');
  if (/[$`*?]/.test(bare)) return COMPUTED;
  return bare !== '' && Number.isFinite(Number(bare)) ? Number(bare) : bare;
}

function written(name: string, value: unknown): string {
  return value === true ? `--${name}` : `--${name} ${value}`;
}

/** What stands between flags at the end of the command: a space, or the next line as the others have it. */
function separatorOf(text: string, words: readonly Word[]): string {
  const last = words.findLast(({ text: word }) => word.startsWith('--')) ?? words.at(-1)!;
  return /\\\r?\n[ \t]*$/.exec(text.slice(0, last.start))?.[0].replace(/^/, ' ') ?? ' ';
}

/** Where the space before a flag begins, a line that is continued included. */
function gapBefore(text: string, start: number): number {
  const gap = /[ \t]*(?:\\\r?\n[ \t]*)?$/.exec(text.slice(0, start))?.[0] ?? '';
  return start - gap.length;
}
