// @ts-check
// How long tests may take. Tests wait for events, and these limits end what hangs: no test is expected to come near
// them, also where each core has another busy process beside it and all takes two and a half times as long.

const minuteMs = 60_000;

/**
 * For each runner's tests, in milliseconds.
 *
 * - `test`: a test, or a hook.
 * - `wait`: one wait for an event that is polled for, or for the page; shorter, so that its failure names the event.
 * - `stage`: all of them, in `npm run verify`: half an hour, five, nine and twenty minutes are 64 of the 90 minutes
 *   that continuous integration allows, where unit tests take 5 alone, webview tests 0.3, host tests 1.4, UI tests 4.
 */
export const hangLimitsMs = {
  unit: { test: 10 * minuteMs, wait: 5 * minuteMs, stage: 30 * minuteMs },
  webview: { test: 3 * minuteMs, wait: 2 * minuteMs, stage: 5 * minuteMs },
  host: { test: 5 * minuteMs, wait: 3 * minuteMs, stage: 10 * minuteMs },
  ui: { test: 10 * minuteMs, wait: 5 * minuteMs, stage: 20 * minuteMs },
};
