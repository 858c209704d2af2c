/** Shortens a failure's reason to its first line, and moves the rest to the front of the log. */
export function withLogApart<Told extends { readonly what: string; readonly log?: string | undefined }>(
  failure: Told,
): Told {
  const [what = '', ...more] = failure.what.trim().split(/\r?\n/);
  if (more.length === 0) return failure;
  return { ...failure, what, log: [...more, ...(failure.log === undefined ? [] : [failure.log])].join('\n') };
}
