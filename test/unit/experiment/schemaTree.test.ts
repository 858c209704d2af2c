import { describe, expect, test } from 'vitest';
import { fieldAt, keysAt } from '../../../src/experiment/schemaTree';

const data = (augment: unknown) => ({ data: { dataset: 'image_folder', path: 'a', augment } });

test('the first key of a mapping chooses its kind', () => {
  expect(keysAt(['data'], {})).toEqual(['dataset']);
  expect(keysAt(['model'], { model: {} })).toEqual(['name']);
});

describe('lists of an experiment', () => {
  test('have items with listed values, each with its meaning', () => {
    const field = fieldAt(['data', 'augment', 1], data(['flip']));
    expect([...(field?.values.keys() ?? [])]).toEqual([
      'random_resized_crop',
      'padded_crop',
      'flip',
      'vertical_flip',
      'color_jitter',
      'pca_noise',
      'randaugment',
      'trivialaugment',
    ]);
    expect(field?.values.get('vertical_flip')).toBe('Mirrors top to bottom.');
    expect(field?.isMapping).toBe(true);
    expect(field?.isOpen).toBe(false);
  });

  test('are explained by the written value', () => {
    expect(fieldAt(['data', 'augment', 0], data(['flip']))?.description).toBe('Mirrors left to right.');
  });

  test('have items whose keys depend on their kind', () => {
    const written = data([{ step: 'flip' }, { step: 'randaugment', magnitude: 3 }]);
    expect(keysAt(['data', 'augment', 0], written)).toEqual(['step', 'probability']);
    expect(keysAt(['data', 'augment', 1], written)).toEqual(['step', 'operations', 'magnitude']);
    expect(fieldAt(['data', 'augment', 1, 'magnitude'], written)).toMatchObject({
      description: 'Magnitude from 0 to 30.',
      default: 9,
    });
    expect(fieldAt(['data', 'augment', 0, 'magnitude'], written)).toBeUndefined();
  });

  test('leave the kind of an item open on request', () => {
    const field = fieldAt(['data', 'augment', 0, 'step'], data([{ step: 'flip' }]));
    expect(field?.values.size).toBe(8);
    expect(field?.description).toBe('Mirrors left to right.');
  });

  test('of numbers have numbers as items, in any number', () => {
    const written = data([{ step: 'random_resized_crop', area: [0.1, 1] }]);
    expect(fieldAt(['data', 'augment', 0, 'area', 1], written)).toMatchObject({ isOpen: true });
    expect(fieldAt(['data', 'augment', 0, 'area', 2], written)).toBeUndefined();
    expect(fieldAt(['model', 'hidden', 5], { model: { name: 'mlp', hidden: [3] } })?.isOpen).toBe(true);
  });

  test('are none if the value is of another kind', () => {
    expect(fieldAt(['data', 'batch_size', 0], data('flip'))).toBeUndefined();
  });
});
