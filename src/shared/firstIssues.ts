import { z } from 'zod';

/** The maximum number of issues to report. */
const MOST_ISSUES = 5;

/** Describes the first few issues of data that a schema rejects. */
export function firstIssues({ issues }: z.ZodError): string {
  const first = z.prettifyError(new z.ZodError(issues.slice(0, MOST_ISSUES)));
  return issues.length > MOST_ISSUES ? `${first}\n...` : first;
}
