// @ts-check
// How long tests may take. Tests wait for events, and these limits end what hangs: no test is expected to come near
// them, also where each core has another busy process beside it and all takes two and a half times as long.

const minuteMs = 60_000;

/**
 * Time limits of each runner's tests, in milliseconds.
 *
 * - `test`: one test or hook.
 * - `wait`: one wait, for a polled event or for the page. Shorter than `test`, so that the failure names the event.
 * - `stage`: all tests of the runner in `npm run verify`. The unit tests run beside all others, so that with the checks
 *   before them the stages take at most 60 of the 90 minutes that continuous integration allows. All are far above the
 *   usual times. See docs/performance.md.
 */
export const hangLimitsMs = {
  unit: { test: 10 * minuteMs, wait: 5 * minuteMs, stage: 45 * minuteMs },
  webview: { test: 3 * minuteMs, wait: 2 * minuteMs, stage: 5 * minuteMs },
  host: { test: 5 * minuteMs, wait: 3 * minuteMs, stage: 10 * minuteMs },
  ui: { test: 10 * minuteMs, wait: 5 * minuteMs, stage: 20 * minuteMs },
};
