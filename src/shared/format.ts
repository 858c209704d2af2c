/** A number as people write it: at most `digits` significant digits, no trailing zeros, no thousands mark. */
export function formatNumber(value: number, digits = 4): string {
  return Number(value.toPrecision(digits)).toString();
}

/** Bytes as people write them, in three digits, such as '812 MiB' or '1.62 GiB'. */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  // What three digits round up to the next unit is written in it.
  const power = units.findLastIndex((_, index) => index === 0 || bytes >= 999.5 * 1024 ** (index - 1));
  return `${formatNumber(bytes / 1024 ** power, 3)} ${units[power]}`;
}

/** An estimate of bytes, no finer than it is good for, such as '812 MiB' or '1.6 GiB'. */
export function roughBytes(bytes: number): string {
  const gibibytes = bytes / 2 ** 30;
  return gibibytes >= 1 ? `${gibibytes.toFixed(1)} GiB` : `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}
