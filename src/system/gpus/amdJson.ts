import { parseJson } from '../../shared/parseJson';

/** Parses the JSON in a program's output. Warnings may precede it. Null if there is none. */
export function jsonIn(output: string): unknown {
  const start = /^[[{]/m.exec(output)?.index;
  if (start === undefined) return null;
  try {
    return parseJson(output.slice(start));
  } catch {
    return null;
  }
}

/** Returns a value of AMD's programs, null if it is missing or they say that it is not known. */
export function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' && !/^(?:n\/a|none|unknown)$/i.test(value) ? value : null;
}
