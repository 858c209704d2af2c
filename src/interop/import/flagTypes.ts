import type { Flag, FlagTable } from './argparse';

/** A table of options, as in `timmFlags.ts` and `torchvisionFlags.ts`. */
export type Table = FlagTable['flags'];

type More = Partial<Pick<Flag, 'also' | 'choices' | 'isCommon'>>;

export function int(byDefault: unknown, more: More = {}): Flag {
  return { type: 'int', count: 'one', byDefault, ...more };
}

export function float(byDefault: unknown, more: More = {}): Flag {
  return { type: 'float', count: 'one', byDefault, ...more };
}

export function text(byDefault: unknown, more: More = {}): Flag {
  return { type: 'text', count: 'one', byDefault, ...more };
}

/** An option without a value, off by default. */
export function toggle(more: More = {}): Flag {
  return { type: 'switch', count: 'one', byDefault: false, ...more };
}

export function many(flag: Flag, count: Flag['count'], more: More = {}): Flag {
  return { ...flag, count, ...more };
}

export function pairs(): Flag {
  return { type: 'pairs', count: 'any', byDefault: {} };
}

/** An option that only older releases have. */
export function older(flag: Flag): Flag {
  return { ...flag, isOlder: true };
}
