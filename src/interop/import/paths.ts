/** Resolves a path relative to a file's folder, with forward slashes, and without `.` and `..` if possible. */
export function joinedPath(fileName: string, path: string): string {
  const isAbsolute = /^(?:[\\/]|[A-Za-z]:[\\/])/.test(path);
  const folder = isAbsolute ? [] : fileName.split(/[\\/]/).slice(0, -1);
  const parts: string[] = [];
  for (const [index, part] of [...folder, ...path.split(/[\\/]/)].entries()) {
    if (part === '.' || (part === '' && index > 0)) continue;
    const last = parts.at(-1);
    if (part === '..' && last !== undefined && last !== '..' && last !== '') parts.pop();
    else parts.push(part);
  }
  return parts.join('/');
}
