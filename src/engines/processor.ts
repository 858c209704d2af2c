import { readFile } from 'node:fs/promises';

/** What this machine's processor has beyond its kind, by Linux's names; null where the system does not tell. */
export async function processorFlags(): Promise<readonly string[] | null> {
  if (process.platform !== 'linux') return null;
  return flagsIn(await readFile('/proc/cpuinfo', 'utf8').catch(() => ''));
}

/** The flags of the first processor in the text of /proc/cpuinfo, of x64 or Arm. */
export function flagsIn(cpuinfo: string): readonly string[] | null {
  return /^(?:flags|Features)\s*:(.*)$/m.exec(cpuinfo)?.[1]?.trim().split(/\s+/) ?? null;
}

/** Whether a processor of these flags multiplies bfloat16, which makes half precision faster than float32. */
export function multipliesBfloat16(flags: readonly string[]): boolean {
  return ['avx512_bf16', 'amx_bf16', 'bf16'].some((flag) => flags.includes(flag));
}
