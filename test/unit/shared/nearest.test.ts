import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { closest, distance, nearest } from '../../../src/shared/nearest';

const WORDS = fc.string({ unit: fc.constantFrom(...'abc'), maxLength: 8 });

describe('the probable meaning', () => {
  test.each([
    ['sdg', ['adam', 'sgd', 'lars'], 'sgd'],
    ['sgdd', ['adam', 'sgd'], 'sgd'],
    ['cvs', ['csv', 'npz'], 'csv'],
    ['widht', ['width', 'name'], 'width'],
    ['mixpu', ['mixup', 'cutmix'], 'mixup'],
    ['ResNet-20', ['resnet18', 'resnet20'], 'resnet20'],
    ['image-folder', ['csv', 'image_folder'], 'image_folder'],
    ['rand_augment', ['randaugment', 'flip'], 'randaugment'],
    ['resnet21', ['resnet20', 'resnet32'], 'resnet20'],
  ])('%s of %j', (written, allowed, meant) => {
    expect(nearest(written, allowed)).toBe(meant);
  });

  test.each([
    ['imagenet', ['fashion-mnist', 'image_folder', 'cifar10']],
    ['sam', ['sgd', 'cnn', 'mlp']],
    ['abc', ['abd']],
    ['lr', ['base_lr', 'momentum']],
    ['x'.repeat(101), ['x'.repeat(100)]],
    ['', ['warmup']],
    ['anything', []],
  ])('is not guessed of %s in %j', (written, allowed) => {
    expect(nearest(written, allowed)).toBeUndefined();
  });

  test('the closest of names exists however far it is', () => {
    expect(closest('what tricks pay', ['rates', 'which-tricks-pay'])).toBe('which-tricks-pay');
    expect(closest('anything', [])).toBeUndefined();
  });
});

describe('the distance of two words', () => {
  test('is at most the number of mistakes made', () => {
    const mistake = fc.tuple(fc.constantFrom('change', 'put in', 'take out', 'exchange'), fc.nat(7));
    fc.assert(
      fc.property(WORDS, mistake, fc.constantFrom('a', 'b', 'c'), (word, [kind, place], letter) => {
        const at = word.length === 0 ? 0 : place % word.length;
        const [before, here, after] = [word.slice(0, at), word.slice(at, at + 1), word.slice(at + 1)];
        const wrong = {
          change: before + letter + after,
          'put in': before + letter + here + after,
          'take out': before + after,
          exchange: before + after.slice(0, 1) + here + after.slice(1),
        }[kind];
        expect(distance(word, wrong ?? word)).toBe(wrong === word ? 0 : 1);
      }),
    );
  });

  test('is symmetric, zero for equal words, and at most their whole length', () => {
    fc.assert(
      fc.property(WORDS, WORDS, (one, other) => {
        const between = distance(one, other);
        expect(between).toBe(distance(other, one));
        expect(between === 0).toBe(one === other);
        expect(between).toBeLessThanOrEqual(Math.max(one.length, other.length));
        expect(between).toBeGreaterThanOrEqual(Math.abs(one.length - other.length));
      }),
    );
  });
});
