import { describe, expect, test } from 'vitest';
import { parseExperiment } from '../../../src/experiment/parse';
import { applyEdits } from '../../../src/experiment/text/textEdits';
import { adviceFix, quickFixes } from '../../../src/insight/quickFixes';
import { commandFixes } from '../../../src/insight/systems/commandFixes';
import { parseAnyExperiment } from '../../../src/interop/command/parse';

const RUNS = Array.from({ length: 7 }, (_, index) => ({ id: `run-${index}`, description: `${90 - index}%` }));
const FILE = `name: fixed
data: { dataset: fashion-mnist-sample, batch_size: 1024 }
model: { name: resnet20 }
tricks:
  no_bias_decay: true
`;

/** Returns the fixes of a file by title, with the resulting text. */
function fixesOf(text: string, fileName = 'a.experiment.yaml'): Record<string, string> {
  return Object.fromEntries(
    quickFixes(parseExperiment(text, fileName), RUNS).map(({ title, edits }) => {
      const result = edits();
      if (!result.ok) throw new Error(result.reason);
      return [title, applyEdits(text, result.edits)];
    }),
  );
}

describe('quick fixes', () => {
  test('write the key or value that was probably meant, in YAML and in JSON', () => {
    expect(fixesOf(`${FILE}sed: 3\n`)).toEqual({ 'Write seed': `${FILE}seed: 3\n` });
    expect(fixesOf(FILE.replace('resnet20', 'mobilenet_v'))).toEqual({
      'Write mobilenet_v1': FILE.replace('resnet20', 'mobilenet_v1'),
    });
    const json =
      '{ "name": "a", "data": { "dataset": "synthetic" }, "model": { "name": "resnet8" }, "sed": 3 }';
    expect(fixesOf(json, 'a.experiment.json')).toEqual({ 'Write seed': json.replace('"sed"', '"seed"') });
  });

  test("write our name for another system's, unless it stands for an option", () => {
    expect(fixesOf(`${FILE}  amp: true\n`)['Write mixed_precision']).toBe(`${FILE}  mixed_precision: true\n`);
    expect(Object.keys(fixesOf(`${FILE}  drop_path: 0.1\n`))).not.toContain('Write stochastic_depth');
  });

  test('offer the newest finished runs to a trick that names a run', () => {
    const fixes = fixesOf(`${FILE}  distillation: true\n`);
    expect(Object.keys(fixes)).toEqual([0, 1, 2, 3, 4].map((index) => `Use run-${index} (${90 - index}%)`));
    expect(fixes['Use run-0 (90%)']).toBe(`${FILE}  distillation: { teacher: run-0 }\n`);
    const empty = `${FILE}  distillation: { teacher: "" }\n`;
    expect(fixesOf(empty)['Use run-1 (89%)']).toBe(`${FILE}  distillation: { teacher: run-1 }\n`);
  });

  test('remove a trick that is not possible', () => {
    const text = `${FILE}  lars: true\n  lamb: true\n`;
    expect(fixesOf(text)).toEqual({ 'Remove LAMB': `${FILE}  lars: true\n` });
  });

  test('apply advice one by one, or all of it in one edit', () => {
    expect(fixesOf(FILE)).toEqual({
      'Insert linear scaling': `${FILE}  linear_scaling: { base_batch_size: 256 }\n`,
      'Insert warmup': `${FILE}  warmup: { epochs: 5 }\n`,
    });
    const all = adviceFix(parseExperiment(FILE, 'a.experiment.yaml'))?.edits();
    expect(all?.ok && all.edits).toHaveLength(1);
    expect(all?.ok && applyEdits(FILE, all.edits)).toBe(
      `${FILE}  linear_scaling: { base_batch_size: 256 }\n  warmup: { epochs: 5 }\n`,
    );
  });

  test('are none if nothing is wrong', () => {
    const sound = FILE.replace('1024', '256');
    expect(fixesOf(sound)).toEqual({});
    expect(adviceFix(parseExperiment(sound, 'a.experiment.yaml'))).toBeNull();
    expect(adviceFix(parseExperiment('name: [', 'a.experiment.yaml'))).toBeNull();
  });
});

describe('quick fixes of a file that trains by a command', () => {
  const fixesIn = (text: string) => {
    const parsed = parseAnyExperiment(text, 'a.experiment.yaml');
    if (parsed.kind !== 'command') throw new Error('This is no command experiment.');
    return commandFixes(parsed, { fileName: 'a.experiment.yaml' }).map(({ edits }) => {
      const result = edits();
      if (!result.ok) throw new Error(result.reason);
      return applyEdits(text, result.edits);
    });
  };
  const fileOf = (command: string) => `name: a\ntrainer:\n  command: ${command}\n  system: generic\n`;

  test('show the output of conda run, and change nothing else', () => {
    const rest = `-n torch python train.py --seed \${seed} 'a b'`;
    const fixed = fileOf(`"conda run --no-capture-output ${rest}"`);
    expect(fixesIn(fileOf(`"conda run ${rest}"`))).toEqual([fixed]);
    const parsed = parseAnyExperiment(fixed, 'a.experiment.yaml');
    expect(parsed).toMatchObject({ ok: true, warnings: [] });
    expect(fixesIn(fileOf(`[conda, run, "a b", "\${seed}"]`))).toEqual([
      fileOf(`"conda run --no-capture-output 'a b' \${seed}"`),
    ]);
  });

  test.each(['micromamba run -n a', 'conda run --live-stream -n a', 'uv run'])('leave %s alone', (words) => {
    expect(fixesIn(fileOf(`${words} python train.py --seed \${seed}`))).toEqual([]);
  });

  test('remove what cannot be next to a trainer', () => {
    const text = fileOf(`python train.py --seed \${seed}`);
    expect(fixesIn(`${text}engine: wasm\n`)).toEqual([text]);
  });
});
