import type { Adapter, ForeignFile } from './adapter';
import { mmpretrainConfig } from './mmpretrainConfig';
import { timmArgs } from './timmArgs';
import { torchvisionScript } from './torchvisionScript';

/** Every system whose files are understood. */
export const ADAPTERS: readonly Adapter[] = [timmArgs, torchvisionScript, mmpretrainConfig];

/** A longer text is none of another system's files, and is not read. */
const MAX_LENGTH = 1 << 18;

/** A file of another system with its adapter; null where it is of none, or longer than 256 Ki characters. */
export function readForeign(
  text: string,
  fileName: string,
): { readonly adapter: Adapter; readonly file: ForeignFile } | null {
  if (text.length > MAX_LENGTH) return null;
  for (const adapter of ADAPTERS) {
    const file = adapter.read(text, fileName);
    if (file) return { adapter, file };
  }
  return null;
}
