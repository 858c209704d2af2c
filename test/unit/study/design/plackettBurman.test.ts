import { describe, expect, it } from 'vitest';
import { resolutionOf, resolutionOfSettings } from '../../../../src/study/design/twoLevel/aberration';
import { plackettBurman, plackettBurmanSources } from '../../../../src/study/design/twoLevel/plackettBurman';

describe.each([12, 20, 24])('the Plackett-Burman design of %i runs', (runs) => {
  const settings = plackettBurman(runs, runs - 1);

  it('has orthogonal columns that are balanced', () => {
    for (let a = 0; a < runs - 1; a++) {
      expect(settings.filter((setting) => setting[a] === 1).length).toBe(runs / 2);
      for (let b = a + 1; b < runs - 1; b++)
        for (const [first, second] of [
          [0, 0],
          [0, 1],
          [1, 0],
          [1, 1],
        ])
          expect(settings.filter((setting) => setting[a] === first && setting[b] === second).length).toBe(
            runs / 4,
          );
    }
  });

  it('has resolution III by itself, and IV with its fold-over', () => {
    const source = plackettBurmanSources(10).find(({ runsPerBlock }) => runsPerBlock === runs);
    if (!source) throw new Error('There is no such source');
    const [first, second, third] = [0, 1, 2].map((block) => source.settingsOf(block)) as [
      number[][],
      number[][],
      number[][],
    ];
    expect(resolutionOfSettings(first)).toBe(3);
    expect(resolutionOfSettings([...first, ...second])).toBe(4);
    expect(resolutionOfSettings([...first, ...second, ...third])).toBe(3);
    expect([1, 2, 3, 4].map((blocks) => resolutionOf(source.wordLengths(blocks)))).toEqual([3, 4, 3, 4]);
  });
});

describe('the Plackett-Burman design of 12 runs', () => {
  it('has a third of every interaction in the effect of every other factor', () => {
    const settings = plackettBurman(12, 11);
    const signs = (factor: number) => settings.map((setting) => (setting[factor] === 1 ? 1 : -1));
    for (let a = 0; a < 11; a++)
      for (let b = 0; b < 11; b++)
        for (let c = b + 1; c < 11; c++) {
          if (a === b || a === c) continue;
          const [x, y, z] = [signs(a), signs(b), signs(c)];
          const sum = x.reduce<number>(
            (total, sign, run) => total + sign * (y[run] as number) * (z[run] as number),
            0,
          );
          expect(Math.abs(sum) / 12).toBeCloseTo(1 / 3, 12);
        }
  });

  it('refuses more factors than it has columns', () => {
    expect(() => plackettBurman(12, 12)).toThrow('12 factors');
    expect(plackettBurmanSources(12).map(({ runsPerBlock }) => runsPerBlock)).toEqual([20, 24]);
  });
});
