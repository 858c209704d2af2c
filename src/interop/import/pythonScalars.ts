/** Python literals: numbers and texts. */

/** Parses a Python number, with an optional sign. Null if it is not a number, or if JavaScript cannot represent it. */
export function numberOf(written: string): number | null {
  const [, sign = '', digits = ''] = /^([-+]?)\s*(\S+)$/.exec(written) ?? [];
  const isDecimal = /^(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][-+]?\d[\d_]*)?$/.test(digits);
  if (!isDecimal && !/^0[xX][\da-fA-F_]+$|^0[oO][0-7_]+$|^0[bB][01_]+$/.test(digits)) return null;
  const value = Number(digits.replaceAll('_', ''));
  const isWhole = !/[.eE]/.test(digits) || /^0[xX]/.test(digits);
  if (!Number.isFinite(value) || (isWhole && !Number.isSafeInteger(value))) return null;
  return sign === '-' ? -value : value;
}

const ESCAPES: Readonly<Record<string, string>> = {
  ...{ '\n': '', '\\': '\\', "'": "'", '"': '"' },
  ...{ a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' },
};

/** Decodes a string literal. Null for bytes, named characters, and MMEngine placeholders. */
export function stringOf(written: string): string | null {
  const [, prefix = '', quote = ''] = /^([a-zA-Z]*)('''|"""|'|")/.exec(written) ?? [];
  const body = written.slice(prefix.length + quote.length, -quote.length);
  const isEnded = written.length >= prefix.length + 2 * quote.length && written.endsWith(quote);
  if (quote === '' || !isEnded || !/^[rRuU]?$/.test(prefix)) return null;
  if (/\{\{|\\N\{/.test(body)) return null;
  if (/[rR]/.test(prefix)) return body;
  return body.replace(
    /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{1,3})|(\r\n|[\s\S]))/g,
    (all, x?: string, u?: string, long?: string, octal?: string, one = '') => {
      const hex = x ?? u ?? long;
      if (hex !== undefined) {
        const code = Number.parseInt(hex, 16);
        return code <= 0x10ffff ? String.fromCodePoint(code) : all;
      }
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
      return one === '\r\n' ? '' : (ESCAPES[one] ?? all);
    },
  );
}

/** Computes operations that give the same result in Python and JavaScript. */
export function arithmetic(a: number, operator: string, b: number): number | null {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    default:
      return null;
  }
}
