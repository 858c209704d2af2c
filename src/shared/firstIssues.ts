import { z } from 'zod';

/** What is wrong that is told, of however much. */
const MOST_ISSUES = 5;

/** What is wrong with data that a schema does not take, the first few of it. */
export function firstIssues({ issues }: z.ZodError): string {
  const first = z.prettifyError(new z.ZodError(issues.slice(0, MOST_ISSUES)));
  return issues.length > MOST_ISSUES ? `${first}\n...` : first;
}
