import type { Gpu } from './gpu';

const WHOLE = /^GPU (\d+): (.+?) \(UUID: (GPU-[\da-f-]+)\)\s*$/i;
const PART = /^\s+MIG (\S+)\s+Device\s+\d+: \(UUID: (MIG-[^)\s]+)\)\s*$/i;

/**
 * Parses the output of `nvidia-smi -L`. A GPU that is divided into MIG devices is replaced by them, because programs
 * compute on those.
 */
export function gpusOfNvidiaSmi(output: string): Gpu[] {
  const gpus: { readonly whole: Gpu; readonly parts: Gpu[] }[] = [];
  for (const line of output.split(/\r?\n/)) {
    const [, index, name, uuid] = WHOLE.exec(line) ?? [];
    if (index !== undefined && name !== undefined && uuid !== undefined) {
      const whole: Gpu = {
        ...{ vendor: 'nvidia', index: Number(index), name, id: uuid, uuid },
        isPart: false,
      };
      gpus.push({ whole, parts: [] });
      continue;
    }
    const [, profile, part] = PART.exec(line) ?? [];
    const last = gpus.at(-1);
    if (profile === undefined || part === undefined || !last) continue;
    const { whole, parts } = last;
    parts.push({ ...whole, name: `${whole.name} MIG ${profile}`, id: part, uuid: part, isPart: true });
  }
  return gpus.flatMap(({ whole, parts }) => (parts.length > 0 ? parts : [whole]));
}
