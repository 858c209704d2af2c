import * as l10n from '@vscode/l10n';
import { applyEdits } from '../../experiment/text/textEdits';
import { nearest } from '../../shared/nearest';
import type { Adapter } from '../import/adapter';
import { type FlagTable, optionOf, readFlags } from '../import/argparse';
import { type ShellWord, shellScriptOf, shellWord } from '../import/shell';
import { timmScript } from '../import/timmScript';
import { torchvisionScript } from '../import/torchvisionScript';
import { TIMM, TORCHVISION } from '../import/trainingPrograms';
import { fileOf, type TrainingProgram } from '../import/trainingScript';
import {
  type CommandPlace,
  type KnownSystem,
  launchOfScript,
  noScript,
  type OpenCommand,
  optionAt,
  type RejectedCommand,
} from './knownCommand';
import { openMmpretrain } from './mmpretrainCommand';

/** Reads the words of a command as one of a system. */
export function openCommand(
  system: KnownSystem,
  words: readonly string[],
  place: CommandPlace,
): OpenCommand | RejectedCommand {
  switch (system) {
    case 'timm':
      return openProgram(words, TIMM, timmScript, place);
    case 'torchvision':
      return openProgram(words, TORCHVISION, torchvisionScript, place);
    case 'mmpretrain':
      return openMmpretrain(words, place);
  }
}

function openProgram(
  words: readonly string[],
  program: TrainingProgram,
  adapter: Adapter,
  { environment }: CommandPlace,
): OpenCommand | RejectedCommand {
  const text = words.map(shellWord).join(' ');
  const [command] = shellScriptOf(text).commands;
  const launch = launchOfScript(command?.words ?? [], environment);
  if (!launch) return noScript(program.system);
  const read = readFlags(launch.args, program.table);
  if (!read) return rejectedBy(program, launch.args);
  const file = fileOf(text, program, launch, read);
  return {
    settings: file.settings,
    optionAt: (setting) => optionAt(read.flags, setting),
    edited: (changes) => {
      const result = file.edit(changes);
      if (!result.ok) return result;
      const [after] = shellScriptOf(applyEdits(text, result.edits)).commands;
      return { ok: true, words: (after?.words ?? []).map(({ value }) => value ?? '') };
    },
    tricks: adapter.tricks,
    experiment: () => adapter.experiment(file.settings, ''),
  };
}

/** Names the argument that a program's parser would reject. */
function rejectedBy(
  { system, release, table }: TrainingProgram,
  args: readonly ShellWord[],
): RejectedCommand {
  const word = args[rejectedAt(args, table)]?.value ?? '';
  const name = word.split('=')[0] ?? '';
  const options = Object.keys(table.flags).map(optionOf);
  if (word.startsWith('-') && !options.includes(name)) {
    const near = nearest(name, options);
    return {
      rejected: l10n.t("{0} is no option of {1}'s train.py, as of release {2}.", name, system, release),
      remedy:
        near === undefined
          ? l10n.t('Remove it, or write {0} and {1}.', 'system: generic', 'trainer.arguments')
          : l10n.t('Did you mean {0}?', near),
      ...(near !== undefined && { typo: { written: name, meant: near } }),
    };
  }
  return {
    rejected: l10n.t("{0}'s train.py does not accept {1} here.", system, word === '' ? "''" : word),
    remedy: l10n.t('Check the option before it, and its value.'),
  };
}

/** Returns the index of the argument at which parsing fails. */
function rejectedAt(args: readonly ShellWord[], table: FlagTable): number {
  let last = 0;
  for (let count = 0; count <= Math.min(args.length, MOST_SEARCHED); count++) {
    if (readFlags(args.slice(0, count), table)) last = count;
  }
  // An option without its value ends the readable part too.
  const isOption = args[last]?.value?.startsWith('-') ?? false;
  const isKnown = isOption && Object.keys(table.flags).some((each) => optionOf(each) === args[last]?.value);
  return isKnown && last + 1 < args.length ? last + 1 : last;
}

/** Longer commands are searched only up to here. */
const MOST_SEARCHED = 500;
