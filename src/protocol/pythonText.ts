import type { PythonReport } from './manifest';

/** Formats the Python of a run with the reason for it, such as '/w/.venv/bin/python (selected in the Python extension)'. */
export function pythonText({ path, because }: PythonReport): string {
  return path === null ? because : `${path} (${because})`;
}
