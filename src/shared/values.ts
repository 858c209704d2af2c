import type { Path } from './path';

/** A mapping of plain data, as in YAML and JSON files. */
export type Mapping = Readonly<Record<string, unknown>>;

export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Returns the value at `path`, or undefined. */
export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((parent, key) => {
    const holds = typeof parent === 'object' && parent !== null && Object.hasOwn(parent, key);
    return holds ? (parent as Record<string | number, unknown>)[key] : undefined;
  }, value);
}

/** Returns a copy with `next` at `path`. Replaces anything on the path that is not a mapping or list by a mapping. */
export function withValue(value: unknown, path: Path, next: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return next;
  const child = withValue(valueAt(value, [key]), rest, next);
  if (Array.isArray(value)) return Object.assign([...value], { [key]: child });
  return { ...(isMapping(value) ? value : {}), [key]: child };
}

/** Returns a copy without the value at `path`. */
export function withoutValue(value: unknown, path: Path): unknown {
  const parentPath = path.slice(0, -1);
  const parent = valueAt(value, parentPath);
  if (!isMapping(parent)) return value;
  const entries = Object.entries(parent).filter(([key]) => key !== String(path.at(-1)));
  return withValue(value, parentPath, Object.fromEntries(entries));
}

/** Returns a copy without the values at any of the paths. Takes a single pass for any number of paths. */
export function withoutValues(value: unknown, paths: readonly Path[]): unknown {
  if (!isMapping(value) || paths.length === 0) return value;
  const below = new Map<string, Path[]>();
  for (const [key, ...rest] of paths) {
    if (key === undefined) continue;
    const rests = below.get(String(key)) ?? [];
    rests.push(rest);
    below.set(String(key), rests);
  }
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, child]) => {
      const rests = below.get(key) ?? [];
      return rests.some((rest) => rest.length === 0) ? [] : [[key, withoutValues(child, rests)]];
    }),
  );
}
