import { open } from 'node:fs/promises';

/** The system that a binary is built for. */
export interface BinarySystem {
  readonly platform: NodeJS.Platform;
  /** Null if it is for several processors, or for an unknown one. */
  readonly arch: string | null;
}

const HEADER_BYTES = 4096;
const ELF_MACHINES: Readonly<Record<number, string>> = { 62: 'x64', 183: 'arm64', 40: 'arm', 3: 'ia32' };
const MACH_O_CPUS: Readonly<Record<number, string>> = { 16777223: 'x64', 16777228: 'arm64' };
const PE_MACHINES: Readonly<Record<number, string>> = { 34404: 'x64', 43620: 'arm64', 332: 'ia32' };

/**
 * Detects the system that a binary is built for from its first bytes (ELF, Mach-O or PE); null if it is none of these.
 */
export function binarySystemIn(bytes: Uint8Array): BinarySystem | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength < 64) return null;
  switch (view.getUint32(0)) {
    case 0x7f454c46:
      return { platform: 'linux', arch: ELF_MACHINES[view.getUint16(18, true)] ?? null };
    case 0xcffaedfe:
      return { platform: 'darwin', arch: MACH_O_CPUS[view.getUint32(4, true)] ?? null };
    case 0xcafebabe:
      return { platform: 'darwin', arch: null };
  }
  if (view.getUint16(0) !== 0x4d5a) return null;
  const at = view.getUint32(0x3c, true);
  if (at + 6 > view.byteLength || view.getUint32(at) !== 0x50450000) return null;
  return { platform: 'win32', arch: PE_MACHINES[view.getUint16(at + 4, true)] ?? null };
}

/** Like `binarySystemIn`, for a file; null if it cannot be read. */
export async function binarySystemOf(path: string): Promise<BinarySystem | null> {
  try {
    await using file = await open(path);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
    return binarySystemIn(buffer.subarray(0, bytesRead));
  } catch {
    return null;
  }
}

/** Why a library did not load. */
export type LibraryFault =
  /** Another library is missing. */
  | { readonly kind: 'missing library'; readonly library: string }
  /** A library that was found lacks this symbol. */
  | { readonly kind: 'missing symbol'; readonly symbol: string }
  /** The system's own library lacks this version. */
  | { readonly kind: 'old system'; readonly needed: string | null }
  | { readonly kind: 'no glibc' }
  /** On Windows, which does not report which library is missing. */
  | { readonly kind: 'missing runtime' }
  | { readonly kind: 'other Node' }
  | { readonly kind: 'other system' }
  | { readonly kind: 'damaged' }
  /** Blocked by macOS. */
  | { readonly kind: 'blocked' }
  | { readonly kind: 'unknown'; readonly words: string };

/** Detects why a library did not load from the message of the dynamic linker or Node. */
export function libraryFaultIn(message: string, platform: NodeJS.Platform): LibraryFault {
  if (/NODE_MODULE_VERSION|Module did not self-register/.test(message)) return { kind: 'other Node' };
  const found = faultOn(message, platform);
  return found ?? { kind: 'unknown', words: message.split(/\r?\n/, 1)[0] ?? '' };
}

function faultOn(message: string, platform: NodeJS.Platform): LibraryFault | null {
  switch (platform) {
    case 'darwin':
      return macosFault(message);
    case 'win32':
      return windowsFault(message);
    default:
      return linuxFault(message);
  }
}

/** Matches the messages of glibc's ld.so and of musl's. */
function linuxFault(message: string): LibraryFault | null {
  const missing =
    /(\S+\.so[\d.]*): cannot open shared object file/.exec(message)?.[1] ??
    /Error loading shared library (\S+?):/.exec(message)?.[1];
  if (missing && /^ld-linux|^libc\.so\.6$/.test(missing)) return { kind: 'no glibc' };
  if (missing) return { kind: 'missing library', library: missing };
  const version = /version `(GLIBC\S*|GLIBCXX\S*|CXXABI\S*)' not found/.exec(message)?.[1];
  if (version) return { kind: 'old system', needed: version };
  const symbol = /undefined symbol: (\w+)/.exec(message)?.[1];
  if (symbol) return { kind: 'missing symbol', symbol };
  if (/Error relocating \S+: \w+: symbol not found/.test(message)) return { kind: 'no glibc' };
  if (/wrong ELF class/.test(message)) return { kind: 'other system' };
  return /invalid ELF header|file too short|Exec format error|ELF file/.test(message)
    ? { kind: 'damaged' }
    : null;
}

/** Matches the messages of dyld. */
function macosFault(message: string): LibraryFault | null {
  if (/incompatible architecture|wrong architecture/.test(message)) return { kind: 'other system' };
  if (/code signature|library load disallowed|not notarized|system policy/i.test(message))
    return { kind: 'blocked' };
  const built = /built for (?:newer )?macOS(?: version)? ([\d.]*\d)/.exec(message)?.[1];
  if (built) return { kind: 'old system', needed: `macOS ${built}` };
  const symbol = /Symbol not found: \(?_?(\w+)/.exec(message)?.[1];
  if (symbol && /Expected in:\s*(?:<[^>]*>\s*)?\/(?:System|usr\/lib)\//.test(message))
    return { kind: 'old system', needed: null };
  if (symbol) return { kind: 'missing symbol', symbol };
  const library = /Library not loaded: (\S+)/.exec(message)?.[1];
  if (library) return { kind: 'missing library', library: library.slice(library.lastIndexOf('/') + 1) };
  return /not a mach-o file|slice is not valid|no suitable image|file too short/i.test(message)
    ? { kind: 'damaged' }
    : null;
}

/** Matches the Windows messages for ERROR_MOD_NOT_FOUND, ERROR_BAD_EXE_FORMAT and ERROR_PROC_NOT_FOUND. */
function windowsFault(message: string): LibraryFault | null {
  if (/specified module could not be found/i.test(message)) return { kind: 'missing runtime' };
  if (/not a valid Win32 application/i.test(message)) return { kind: 'damaged' };
  return /specified procedure could not be found/i.test(message)
    ? { kind: 'old system', needed: null }
    : null;
}
