import type { StudySetting } from '../../src/protocol/study';
import type { Design } from './designs';
import type { Source } from './random';
import type { World } from './simulate';

/** Noise of a run in points, typical of the seed-to-seed variation on small data sets. */
export const SIGMA = 0.25;
/** Standard deviation between blocks. */
const BLOCK_SIGMA = 0.3;
const BASE = 90;

/** The value of each level of each factor, level 0 first. */
export type Effects = readonly (readonly number[])[];

/** Repeats a pattern of effects over the factors. The second level of a three-level factor has twice the effect. */
export function effectsOf(design: Design, pattern: readonly number[]): Effects {
  return design.levels.map((levels, factor) =>
    Array.from({ length: levels }, (_, level) => level * (pattern[factor % pattern.length] ?? 0)),
  );
}

export const NONE = [0];
export const SMALL = [0.2];
export const MEDIUM = [0.4];
export const LARGE = [0.6];
export const MIXED = [0, 0.4, 0, -0.2, 0.1];

const truthOf = (effects: Effects) => effects.flatMap((levels) => levels.slice(1));

const mean = (effects: Effects, setting: StudySetting) =>
  effects.reduce((sum, levels, factor) => sum + (levels[setting[factor] ?? 0] ?? 0), 0);

function blockEffects(random: Source): (block: number) => number {
  const known: number[] = [];
  return (block) => {
    while (known.length <= block) known.push(BLOCK_SIGMA * random.normal());
    return known[block] ?? 0;
  };
}

/** Follows the model: effects add up, and the noise is normal with the same variance everywhere. */
export function plain(effects: Effects, sigmaOf: (setting: StudySetting) => number = () => SIGMA): World {
  return {
    truth: truthOf(effects),
    study: (random) => {
      const blocks = blockEffects(random);
      return (setting, block) => ({
        kind: 'finished',
        value: BASE + blocks(block) + mean(effects, setting) + sigmaOf(setting) * random.normal(),
        correct: null,
      });
    },
  };
}

/** Triples the noise at the last level of the first factor. */
export function noisy(effects: Effects): World {
  const last = (effects[0]?.length ?? 1) - 1;
  return plain(effects, (setting) => (setting[0] === last ? 3 * SIGMA : SIGMA));
}

/**
 * Lets every two neighboring factors interact, by more than the noise, on top of effects that are averages over the
 * other factors. In a one-at-a-time design, an effect is measured at the first levels of the other factors.
 */
export function interacting(effects: Effects, isAlone: boolean, size = 0.3): World {
  const part = (setting: StudySetting, factor: number) => {
    const levels = effects[factor]?.length ?? 1;
    return (setting[factor] ?? 0) / (levels - 1) - 0.5;
  };
  const neighbors = (factor: number) => Number(factor > 0) + Number(factor + 1 < effects.length);
  return {
    truth: truthOf(
      effects.map((levels, factor) =>
        levels.map((each, level) => (isAlone && level > 0 ? each - size * neighbors(factor) : each)),
      ),
    ),
    study: (random) => {
      const blocks = blockEffects(random);
      return (setting, block) => {
        let value = BASE + blocks(block) + mean(effects, setting) + SIGMA * random.normal();
        for (let factor = 0; factor + 1 < setting.length; factor++)
          value += size * 2 * part(setting, factor) * part(setting, factor + 1);
        return { kind: 'finished', value, correct: null };
      };
    },
  };
}

/** Draws the correct answers image by image, with a probability near 99%. */
export function binomial(effects: Effects, images = 2000): World {
  return {
    truth: truthOf(effects),
    study: (random) => (setting) => {
      const chance = Math.min((98.8 + mean(effects, setting)) / 100, 1);
      return { kind: 'finished', value: (100 * random.binomial(images, chance)) / images, correct: null };
    },
  };
}

/** Lets runs with the last level of the first factor diverge in 5% of cases. */
export function diverging(effects: Effects): World {
  const { truth, study } = plain(effects);
  const last = (effects[0]?.length ?? 1) - 1;
  return {
    truth,
    study: (random) => {
      const run = study(random);
      return (setting, block) => {
        const outcome = run(setting, block);
        return setting[0] === last && random.uniform() < 0.05 ? { kind: 'diverged' } : outcome;
      };
    },
  };
}

/** The standard normal CDF, in steps of 1/256 from -8 to 8. */
const NORMAL = (() => {
  const density = (z: number) => Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);
  const table = new Float64Array(16 * 256 + 1);
  for (let index = 1; index < table.length; index++) {
    const from = (index - 1) / 256 - 8;
    const area = (density(from) + 4 * density(from + 1 / 512) + density(from + 1 / 256)) / (6 * 256);
    table[index] = (table[index - 1] ?? 0) + area;
  }
  return table;
})();

const below = (z: number) => NORMAL[Math.min(Math.max(Math.round((z + 8) * 256), 0), NORMAL.length - 1)] ?? 0;

/**
 * Standard deviations on the probit scale: of the images' difficulty, of a factor's effect on single images, and of
 * runs.
 */
const DIFFICULTY = 1.5;
const CENTER = 2.3;
const BY_IMAGE = 0.4;
const RUN = 0.015;

/**
 * Draws new validation images for every study. Each image has its own difficulty, and each factor affects each image
 * differently. `shifts` are the factors' mean effects on the probit scale. The truth refers to the distribution that
 * the images are drawn from.
 */
export function newImages(
  design: Design,
  shifts: readonly number[],
  images: number,
  areFolds: boolean,
): World {
  const shift = (factor: number) => shifts[factor % shifts.length] ?? 0;
  const accuracy = (setting: StudySetting) => {
    const changed = setting.reduce<number>((sum, level) => sum + level, 0);
    const center = setting.reduce<number>((sum, level, factor) => sum + level * shift(factor), CENTER);
    return 100 * below(center / Math.sqrt(1 + DIFFICULTY ** 2 + changed * BY_IMAGE ** 2 + RUN ** 2));
  };
  const others = design.levels.reduce<number[][]>(
    (settings) =>
      settings.flatMap((setting) => [
        [...setting, 0],
        [...setting, 1],
      ]),
    [[]],
  );
  const truth = design.levels.map((_, factor) => {
    const average = (level: number) => {
      const those = others.filter((setting) => setting[factor] === level);
      return those.reduce((sum, setting) => sum + accuracy(setting), 0) / those.length;
    };
    return average(1) - average(0);
  });
  const draw = (random: Source) => ({
    difficulty: Float64Array.from({ length: images }, () => CENTER + DIFFICULTY * random.normal()),
    byFactor: design.levels.map((_, factor) =>
      Float64Array.from({ length: images }, () => shift(factor) + BY_IMAGE * random.normal()),
    ),
  });
  return {
    truth,
    study: (random) => {
      const sets = new Map<number, ReturnType<typeof draw>>();
      return (setting, block) => {
        const key = areFolds ? block : 0;
        const { difficulty, byFactor } = sets.get(key) ?? draw(random);
        if (!sets.has(key)) sets.set(key, { difficulty, byFactor });
        const z = Float64Array.from(difficulty);
        const run = RUN * random.normal();
        setting.forEach((level, factor) => {
          const changes = byFactor[factor];
          if (level && changes)
            for (let image = 0; image < images; image++) z[image] = (z[image] ?? 0) + (changes[image] ?? 0);
        });
        const correct = new Uint8Array(images);
        let right = 0;
        for (let image = 0; image < images; image++) {
          if (random.uniform() < below((z[image] ?? 0) + run)) {
            correct[image] = 1;
            right++;
          }
        }
        return { kind: 'finished', value: (100 * right) / images, correct };
      };
    },
  };
}
