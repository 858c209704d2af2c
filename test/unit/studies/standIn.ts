/** Fake trainers for study tests in which the training itself does not matter. */
import { standInPrelude } from '../runs/standIn';

/**
 * A trainer that logs the given values and ends. `accuracy` is an expression over `recipe` and `tries` (the number of
 * times the run was started). `before` runs first. `loss` is the validation loss.
 */
export function standIn(accuracy: string, before = '', loss = '1'): string {
  return `${standInPrelude.replace('...event }', '...event, attempt }')}
  let attempt = 0;
  const { recipe } = JSON.parse(fs.readFileSync(join(folder, 'run.json'), 'utf8'));
  const isTrial = folder.includes('probes');
  fs.appendFileSync(join(folder, 'tries'), 'x');
  const tries = fs.statSync(join(folder, 'tries')).size;
  const threads = Number(process.env.BAG_OF_TRICKS_THREADS ?? 1);
  const start = () => append({
    type: 'started', version: 1, epochs: 1, stepsPerEpoch: 16, totalSteps: 16, parameters: 1,
    engine: { name: 'wasm', description: 'stand-in', threads }, precision: { compute: 'float32', execution: 'native' },
  });
  const manifestPath = join(folder, 'run.json');
  const end = (event) => { append(event); process.exit(event.type === 'done' ? 0 : 1); };
  // Once the run is this process's: the state and the engine, as the trainer writes them.
  const leaseOf = () => fs.readdirSync(folder).find((name) => /^lease\\.\\d+$/.test(name) &&
    JSON.parse(fs.readFileSync(join(folder, name), 'utf8')).pid === process.pid);
  const begin = () => {
    const lease = leaseOf();
    if (!lease) return setTimeout(begin, 5);
    attempt = Number(lease.split('.')[1]);
    const manifest = JSON.parse(fs.readFileSync(manifestPath, 'utf8'));
    fs.writeFileSync(manifestPath + '.own', JSON.stringify({
      ...manifest, attempt,
      engine: { name: 'wasm', description: 'stand-in', threads },
      state: { status: 'running', step: 0, validationAccuracy: null },
    }));
    fs.renameSync(manifestPath + '.own', manifestPath);
    start();
    for (let index = 0; index < 16; index++) step(index);
    finish();
  };
  const finish = () => {
    ${before}
    const accuracy = ${accuracy};
    append({
      type: 'epoch', epoch: 0, step: 16, trainLoss: 1, trainAccuracy: accuracy, validationLoss: ${loss},
      validationAccuracy: accuracy, seconds: 1,
    });
    end({ type: 'done', result: {
      epochs: 1, validationLoss: ${loss}, validationAccuracy: accuracy, bestValidationAccuracy: accuracy, seconds: 1,
    } });
  };
  if (isTrial) { start(); let index = 0; setInterval(() => step(index++), 40); } else begin();
  `;
}

/** Varies between runs as in real training: by setting and by seed. */
export const ACCURACY =
  '0.7 + (recipe.initialization.zeroGamma ? 0.05 : 0) + 0.001 * ((5 * recipe.seed ** 2 + 3 * recipe.seed * recipe.tricks.length ** 2) % 7)';
