/**
 * Ends an exhaustive switch: a case that is missing is an error of the compiler's, and a value that no type foresaw
 * (from a file, say) throws.
 */
export function assertNever(value: never): never {
  throw new Error(`Unexpected value: ${JSON.stringify(value)}`);
}
