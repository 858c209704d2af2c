// Preloaded into a program, has it and its threads believe that it is a minute earlier.
const { now } = Date;
const MINUTE_MS = 60_000;

globalThis.Date = class extends Date {
  constructor(...args) {
    if (args.length === 0) super(now() - MINUTE_MS);
    else super(...args);
  }

  static now() {
    return now() - MINUTE_MS;
  }
};
