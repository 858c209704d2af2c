import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import * as l10n from '@vscode/l10n';
import { messageOf } from '../shared/failure';
import { UserError } from '../shared/userError';

export type Sharp = typeof import('sharp').default;

/** The package's own sharp, next to the bundle, with its platform-specific parts. */
const BUNDLED = 'sharp/node_modules/sharp';

let loaded: Sharp | null = null;

/**
 * Returns sharp, loaded on first use: the package's own, or the one in the project's node_modules if the sources run
 * unbundled. Does not search the folders above the product, because that could run code that another user put there.
 *
 * @throws UserError if sharp does not load on this machine
 */
export function loadSharp(): Sharp {
  loaded ??= load();
  return loaded;
}

function load(): Sharp {
  const load = createRequire(__filename);
  const bundled = join(__dirname, BUNDLED);
  const root = join(__dirname, basename(__dirname) === 'dist' ? '..' : '../..');
  try {
    const sharp = load(existsSync(bundled) ? bundled : join(root, 'node_modules/sharp')) as Sharp;
    // Several images are decoded concurrently, each one once. libvips' own threads and cache would only compete with
    // that.
    sharp.concurrency(1);
    sharp.cache(false);
    return sharp;
  } catch (error) {
    throw new UserError(explainSharpError(messageOf(error)), { cause: error });
  }
}

/** Explains why sharp did not load, from its error message or that of the linker or Node. */
export function explainSharpError(message: string): { what: string; remedy: string } {
  const what = (why: string) => l10n.t('Images cannot be read on this machine: {0}', why);
  const system = /version `(GLIBC\S*|GLIBCXX\S*|CXXABI\S*)' not found/.exec(message)?.[1];
  if (system)
    return {
      what: what(l10n.t('the image library sharp needs {0}.', system)),
      remedy: l10n.t('Use a newer system.'),
    };
  if (/v2 microarchitecture/.test(message))
    return {
      what: what(l10n.t('the image library sharp needs a processor with SSE 4.2.')),
      remedy: l10n.t('Use another machine.'),
    };
  if (/Could not load the "sharp" module|Cannot find (?:module|package)/.test(message))
    return {
      what: what(
        l10n.t('the image library sharp is missing for {0} on {1}.', process.platform, process.arch),
      ),
      remedy: l10n.t('Install the Bag of Tricks package for this system.'),
    };
  return {
    what: what(l10n.t('the image library sharp does not load. {0}', message.split('\n')[0] ?? '')),
    remedy: l10n.t('Install the Bag of Tricks package for this system.'),
  };
}
