// @ts-check
// What a report of `npm audit --json` comes to.

/** Exit codes of `npm run audit`. */
export const AUDIT_EXIT = { clean: 0, vulnerable: 1, unchecked: 2 };

/**
 * @typedef {object} Vulnerability
 * @property {string} name
 * @property {string} severity
 * @property {string} range of versions
 * @property {(string | { title: string, url: string })[]} via advisories, and packages that depend on it
 */

/**
 * @param {string} text output of `npm audit --json`
 * @returns {{ code: number, lines: string[] }} a report that cannot be read is not a success, for example if the
 *   registry offers no advisories
 */
export function verdictOf(text) {
  const report = parsed(text);
  const counts = report?.metadata?.vulnerabilities;
  if (!report?.auditReportVersion || !counts || typeof report.vulnerabilities !== 'object') {
    const why = report?.message ?? report?.error?.summary ?? 'npm gave no report';
    return {
      code: AUDIT_EXIT.unchecked,
      lines: [
        `Not checked: ${why}.`,
        'Whether what ships has advisories is not known. Run it where the registry answers audits.',
      ],
    };
  }
  /** @type {Vulnerability[]} */
  const all = Object.values(report.vulnerabilities);
  const grave = all.filter(({ severity }) => severity === 'high' || severity === 'critical');
  if (grave.length > 0) return { code: AUDIT_EXIT.vulnerable, lines: grave.map(lineOf) };
  const ships = `Of ${report.metadata.dependencies?.prod ?? '?'} packages that ship`;
  const milder = all.length > 0 ? `, and ${all.length} below that` : '';
  return {
    code: AUDIT_EXIT.clean,
    lines: [`${ships}, none has an advisory of severity high or above${milder}.`],
  };
}

/** @param {Vulnerability} vulnerability */
function lineOf({ name, severity, range, via }) {
  const titles = via.map((one) => (typeof one === 'string' ? `by ${one}` : `${one.title} (${one.url})`));
  return `${severity}: ${name} ${range}: ${titles.join('; ')}`;
}

/**
 * @param {string} text
 * @returns {any} null if it is not JSON
 */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
