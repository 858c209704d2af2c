/**
 * Ends an exhaustive switch. A missing case is a compile error. A value outside the type, for example from a file,
 * throws.
 */
export function assertNever(value: never): never {
  throw new Error(`Unexpected value: ${JSON.stringify(value)}`);
}
