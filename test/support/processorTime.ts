/**
 * Starts a clock of the processor time that this process uses. Other than the time of day, it does not depend on how
 * busy the machine is.
 *
 * @returns the milliseconds since the start
 */
export function processorClock(): () => number {
  const before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
}
