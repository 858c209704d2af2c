import { describe, expect, test } from 'vitest';
import { verdictOf } from '../../../scripts/lib/audit.mjs';

/** Returns a report as npm 10 prints it, for packages with these severities. */
function report(...severities: string[]): string {
  const vulnerabilities = severities.map((severity, index) => [
    `package-${index}`,
    {
      name: `package-${index}`,
      severity,
      range: '<2.0.0',
      via: [{ title: 'Reads too far', url: 'https://example.com/GHSA-1' }, 'other'],
    },
  ]);
  return JSON.stringify({
    auditReportVersion: 2,
    vulnerabilities: Object.fromEntries(vulnerabilities),
    metadata: { vulnerabilities: { total: severities.length }, dependencies: { prod: 44 } },
  });
}

describe('an audit of what ships', () => {
  test('succeeds if nothing has severity high or above', () => {
    expect(verdictOf(report())).toEqual({
      code: 0,
      lines: ['Of 44 packages that ship, none has an advisory of severity high or above.'],
    });
    expect(verdictOf(report('low', 'moderate'))).toMatchObject({
      code: 0,
      lines: [expect.stringMatching(/high or above, and 2 below that\.$/)],
    });
  });

  test('fails and names the packages', () => {
    expect(verdictOf(report('moderate', 'high', 'critical'))).toEqual({
      code: 1,
      lines: [
        'high: package-1 <2.0.0: Reads too far (https://example.com/GHSA-1); by other',
        'critical: package-2 <2.0.0: Reads too far (https://example.com/GHSA-1); by other',
      ],
    });
  });

  test.each([
    [
      'a registry without audits',
      '{"message":"405 Method Not Allowed","error":{"summary":"","detail":""}}',
      '405',
    ],
    ['no report', '', 'npm gave no report'],
    ['another report', '{"advisories":{}}', 'npm gave no report'],
  ])('does not succeed on %s', (_, text, why) => {
    const { code, lines } = verdictOf(text);
    expect(code).toBe(2);
    expect(lines[0]).toMatch(/^Not checked: /);
    expect(lines[0]).toContain(why);
  });
});
