import { describe, expect, it } from 'vitest';
import { withLargerSplit } from '../../../src/datasets/requestPaths';
import { sourceFacts } from '../../support/sourceFacts';
import { imageFolder } from './photos';

const tenth = { ...imageFolder(), split: { validation: 0.1, seed: 3 } };
const counts = (trainImages: number, validationImages: number) =>
  sourceFacts({ trainImages, validationImages });

describe('the split of a new experiment', () => {
  it('has a fifth for validation below 1,000 images, with the same seed', () => {
    expect(withLargerSplit(tenth, counts(900, 99))).toEqual({
      ...tenth,
      split: { validation: 0.2, seed: 3 },
    });
  });

  it('stays if there are enough images, or if no less was asked for', () => {
    expect(withLargerSplit(tenth, counts(900, 100))).toBeNull();
    expect(withLargerSplit(imageFolder(), counts(90, 10))).toBeNull();
  });
});
