import type { ShellWord } from './shell';

/** MMPretrain's launchers in its folder `tools`. The first is `dist_train.sh CONFIG GPUS [options of train.py]`. */
export const DISTRIBUTED = /(?:^|[\\/])dist_train\.sh$/;
const SLURM = /(?:^|[\\/])slurm_train\.sh$/;
const MIM = /(?:^|[\\/])mim$/;

/** Options of `mim train` with a value. It takes all others for those of the training script. */
const MIM_OPTIONS = /^(?:-[lGgcp]|--(?:launcher|port|gpus|gpus-per-node|cpus-per-task|partition|srun-args))$/;
const MIM_JOINED =
  /^(?:-[lGgcp].+|--(?:launcher|port|gpus|gpus-per-node|cpus-per-task|partition|srun-args)=.*)$/s;
const MIM_SWITCHES = /^(?:-y|--yes)$/;

/**
 * Returns the arguments that a launcher passes to MMPretrain's tools/train.py. Null if the command is none of
 * `dist_train.sh CONFIG GPUS`, `slurm_train.sh PARTITION JOB CONFIG WORK_DIR` and `mim train mmpretrain CONFIG`.
 */
export function mmpretrainArguments(words: readonly ShellWord[]): readonly ShellWord[] | null {
  for (const [at, { value }] of words.entries()) {
    const name = value ?? '';
    const rest = words.slice(at + 1);
    if (DISTRIBUTED.test(name)) {
      const [config, , ...args] = rest;
      return config ? [config, ...args] : null;
    }
    if (SLURM.test(name)) {
      const [, , config, folder, ...args] = rest;
      if (!config) return null;
      const option = folder && {
        ...folder,
        value: folder.value === null ? null : `--work-dir=${folder.value}`,
      };
      return [config, ...(option ? [option] : []), ...args];
    }
    if (MIM.test(name) && rest[0]?.value === 'train') return mimArguments(rest.slice(1));
  }
  return null;
}

function mimArguments(words: readonly ShellWord[]): readonly ShellWord[] | null {
  const passed: ShellWord[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const text = word.value ?? '';
    if (MIM_OPTIONS.test(text)) at += 1;
    else if (!MIM_JOINED.test(text) && !MIM_SWITCHES.test(text)) passed.push(word);
  }
  const [program, config, ...args] = passed;
  return program?.value?.toLowerCase() === 'mmpretrain' && config ? [config, ...args] : null;
}
