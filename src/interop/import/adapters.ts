import { type Adapter, type ForeignFile, MAX_LENGTH, type ReadText, type UnreadFile } from './adapter';
import { mmpretrainConfig } from './mmpretrainConfig';
import { timmArgs } from './timmArgs';
import { timmScript } from './timmScript';
import { torchvisionScript } from './torchvisionScript';

/** All supported systems. */
export const ADAPTERS: readonly Adapter[] = [timmArgs, timmScript, torchvisionScript, mmpretrainConfig];

/** For callers that cannot read other files. */
export const NO_FILES: ReadText = () => null;

/**
 * Returns a file of another system with its adapter. Null if no system recognizes it, or if it is longer than 256 Ki
 * characters.
 */
export function readForeign(
  text: string,
  fileName: string,
  readText: ReadText = NO_FILES,
): { readonly adapter: Adapter; readonly file: ForeignFile | UnreadFile } | null {
  if (text.length > MAX_LENGTH) return null;
  for (const adapter of ADAPTERS) {
    const file = adapter.read(text, fileName, readText);
    if (file) return { adapter, file };
  }
  return null;
}
