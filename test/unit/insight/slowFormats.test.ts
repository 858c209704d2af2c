import { describe, expect, test } from 'vitest';
import { formatStates, slowFormatFact, slowFormatText } from '../../../src/engines/formats';
import { stepProbeSchema } from '../../../src/engines/stepProbe';
import { parseExperiment } from '../../../src/experiment/parse';
import { hoverAt } from '../../../src/insight/hovers';
import { experimentLenses } from '../../../src/insight/lenses';
import type { SlowFormat } from '../../../src/insight/slowFormats';
import measured from '../../fixtures/formats/avx512fp16.json';

/** The states that VS Code receives for a machine with the fixture's step times. */
const SLOW = formatStates(stepProbeSchema.parse(measured)).flatMap((state): SlowFormat[] => {
  const [fact, text] = [slowFormatFact(state), slowFormatText(state)];
  return fact && text ? [{ format: state.format, fact, text }] : [];
});

const experiment = (engine: string, tricks = '{}') => `name: a
data: { dataset: fashion-mnist-sample }
model: { name: resnet8 }
engine: ${engine}
tricks: ${tricks}
`;

function lensOf(text: string, title: RegExp, slowFormats: readonly SlowFormat[] = SLOW) {
  const surroundings = { obstacle: null, lastRun: null, runs: new Map(), hidden: new Set<never>() };
  return experimentLenses(parseExperiment(text, 'a.experiment.yaml'), { ...surroundings, slowFormats })
    .map((lens) => lens.face())
    .find((face) => title.test(face.title));
}

describe('a trick with a slow format', () => {
  test.each(['auto', 'tensorflow'])(
    'says so, with its figure in the tooltip, if the engine is %s',
    (engine) => {
      const offered = lensOf(experiment(engine), /^Mixed precision/);
      expect(offered?.title).toBe('Mixed precision float16 · slower here');
      expect(offered?.tooltip).toContain('A step in float16 takes 14 times as long as in float32 here');
      expect(offered?.tooltip).toContain('oneDNN has no fast kernel for its filter gradient');
      const text = experiment(engine, '{ mixed_precision: true }');
      expect(lensOf(text, /^Remove mixed precision/)?.title).toBe('Remove mixed precision · slower here');
      const parsed = parseExperiment(text, 'a.experiment.yaml');
      const hover = hoverAt(parsed, text.indexOf('mixed_precision') + 1, new Map(), false, SLOW);
      expect(hover?.parts.join('\n')).toContain(
        'A step in float16 takes 14 times as long as in float32 here',
      );
    },
  );

  test('says nothing about another engine, format or trick, or an unknown speed', () => {
    expect(lensOf(experiment('wasm'), /^Mixed precision/)?.title).not.toContain('slower');
    const other = experiment('tensorflow', '{ mixed_precision: { dtype: bfloat16 } }');
    expect(lensOf(other, /^Remove mixed precision/)?.title).not.toContain('slower');
    expect(lensOf(experiment('tensorflow'), /^Label smoothing/)?.title).not.toContain('slower');
    expect(lensOf(experiment('tensorflow'), /^Mixed precision/, [])?.title).not.toContain('slower');
  });
});
