import { readFileSync } from 'node:fs';
import { test } from 'vitest';
import { parseExperiment } from '../../../../src/experiment/parse';
import { proposedFactors, studyText } from '../../../../src/insight/study/proposal';
import { parseStudy } from '../../../../src/study/file/parse';
test('try', () => {
  for (const f of ['fashion-mnist', 'paper-3-model-tweaks', 'first-steps']) {
  const p = parseExperiment(readFileSync(`examples/${f}.experiment.yaml`, 'utf8'), 'a.yaml');
  if (!p.ok) { console.log(JSON.stringify(p.problems)); continue; }
  let t = performance.now();
  const factors = proposedFactors(p);
  console.log(performance.now() - t, factors.map((x) => `${x.trick.name}${x.isSuggested ? '' : '-'}`).join());
  const text = studyText({ name: f, experiment: `${f}.experiment.yaml`, factors: factors.filter((x) => x.isSuggested), budget: { runs: 64 } });
  console.log(text);
  t = performance.now();
  const s = parseStudy(text, 'a.study.yaml', () => ({ ok: true, parsed: p }));
  console.log(s.ok, performance.now() - t, s.ok ? s.warnings : 'problems' in s ? s.problems : '');
  }
});
