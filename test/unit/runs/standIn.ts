/** The prelude of every fake trainer: appends an event like the trainer does. */
export const standInPrelude = `
  const fs = require('node:fs');
  const { join } = require('node:path');
  const folder = process.argv[2];
  const log = join(folder, 'metrics.ndjson');
  const append = (event) => {
    fs.appendFileSync(log, JSON.stringify({ time: Date.now(), ...event }) + '\\n');
    process.send({ type: 'appended', bytes: fs.statSync(log).size });
  };
  const step = (step) =>
    append({ type: 'step', step, epoch: 0, learningRate: 0.1, loss: 1, accuracy: 0, imagesPerSecond: 1 });
  const stayAlive = () => setInterval(() => {}, 1000);
  process.send({ type: 'hello', version: 1, pid: process.pid });
`;

export const doneEvent =
  "{ type: 'done', result: { epochs: 1, validationLoss: 1, validationAccuracy: 0.5, bestValidationAccuracy: 0.5, seconds: 1 } }";
