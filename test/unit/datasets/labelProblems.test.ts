import { describe, expect, it } from 'vitest';
import { labelProblems } from '../../../src/datasets/sources/labelProblems';

const problems = (train: number[], validation: number[], classNames = ['a', 'b', 'c']) =>
  labelProblems(classNames, Uint32Array.from(train), Uint32Array.from(validation), 'labels').map(
    ({ severity, kind, where }) => `${severity} ${kind}: ${where}`,
  );

describe('labelProblems', () => {
  it('warns about classes without images, which a list may name', () => {
    expect(problems([0, 1], [0, 1])).toEqual(['warning empty_class: c', 'warning no_validation_image: c']);
    expect(problems([0, 1, 2], [0, 1, 2])).toEqual([]);
  });

  it('refuses classes that are only in validation, and training images of one class', () => {
    expect(problems([0, 1], [0, 1, 2])).toEqual(['error empty_class: c']);
    expect(problems([1, 1], [1])[0]).toBe('error single_class: labels');
    expect(problems([0, 0], [0], ['a'])).toEqual(['error single_class: a']);
  });
});
