import { readFile } from 'node:fs/promises';

/** Returns the processor's feature flags, by their Linux names; null if the system does not report them. */
export async function processorFlags(): Promise<readonly string[] | null> {
  if (process.platform !== 'linux') return null;
  return flagsIn(await readFile('/proc/cpuinfo', 'utf8').catch(() => ''));
}

/** Parses the flags of the first processor from the text of /proc/cpuinfo, for x64 or Arm. */
export function flagsIn(cpuinfo: string): readonly string[] | null {
  return /^(?:flags|Features)\s*:(.*)$/m.exec(cpuinfo)?.[1]?.trim().split(/\s+/) ?? null;
}

/** Whether a processor with these flags has bfloat16 multiplication, which makes half precision faster than float32. */
export function multipliesBfloat16(flags: readonly string[]): boolean {
  return ['avx512_bf16', 'amx_bf16', 'bf16'].some((flag) => flags.includes(flag));
}
