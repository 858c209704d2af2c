import { DISTRIBUTED } from '../import/mmpretrainLaunch';
import { shellScriptOf, shellWord } from '../import/shell';
import { launchOfScript } from './knownCommand';

/**
 * Returns the number of training processes that a command starts on this machine, one for each GPU: of torchrun,
 * accelerate, and the launchers of timm and MMPretrain. Undefined if it is one or not known.
 */
export function processesOf(
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
): number | undefined {
  const starter = words.findIndex((word) => DISTRIBUTED.test(word));
  const count = starter < 0 ? launched(words, environment) : Number(words[starter + 2]);
  return count !== undefined && Number.isInteger(count) && count > 1 ? count : undefined;
}

function launched(
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
): number | undefined {
  const [command] = shellScriptOf(words.map(shellWord).join(' ')).commands;
  const each = launchOfScript(command?.words ?? [], environment)?.processesEach;
  return each?.known ? each.value : undefined;
}
