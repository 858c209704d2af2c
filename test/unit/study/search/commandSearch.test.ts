import { describe, expect, it } from 'vitest';
import { formatProblem } from '../../../../src/experiment/problem';
import { parseDocument } from '../../../../src/experiment/text/document';
import { searchProblems } from '../../../../src/study/search/check';
import { canResume, searchRungs } from '../../../../src/study/search/commandSearch';
import { parseSearch } from '../../../../src/study/search/parse';
import { settingsOf, valuesAt } from '../../../../src/study/search/space';
import { experimentOf, recipeIn } from '../../../support/commandExperiments';

const TIMM = `python train.py --data-dir pets --model resnet18 --epochs 9 --lr \${lr} --seed \${seed}`;
const timm = (more = '') => experimentOf(TIMM, { more: `values: { lr: 0.1 }\n${more}` });
const RESUMABLE = timm(`checkpoint: out/last.pth.tar\nresume: --resume \${checkpoint}\n`);
const generic = (more = 'epochs: 9\n') =>
  experimentOf(`python mine.py --seed \${seed} --lr \${lr}`, {
    system: 'generic',
    more: `${more}values: { lr: 0.1 }\narguments: { strong: { with: --strong, without: '' }, mixup: { with: '--mix \${alpha}', without: '' } }\n`,
  });

const searchText = (parameters: string, more = '') =>
  `name: a\nexperiment: a.experiment.yaml\nsearch:\n  ${parameters.split('\n').join('\n  ')}\nbudget: { trials: 9 }\n${more}`;

function reading(text: string) {
  const read = parseSearch(text, 'a.study.yaml');
  if (!read.ok) throw new Error(read.problems.map(({ what }) => what).join('\n'));
  return read;
}

function problemsOf(experiment: string, parameters: string, more = ''): string[] {
  const { search, document } = reading(searchText(parameters, more));
  return searchProblems(search, document, { text: experiment, fileName: 'a.experiment.yaml' }).map(
    (problem) => formatProblem('', problem).replace(/^:/, ''),
  );
}

describe('the parameters of a command', () => {
  it('are values of placeholders, tricks, options of tricks and switches', () => {
    const lr = 'trainer.values.lr: { log: [0.001, 1] }';
    expect(problemsOf(timm(), `${lr}\nmixup: [off, on, { alpha: 0.4 }]`)).toEqual([]);
    expect(problemsOf(generic(), `lr: { log: [0.001, 1] }\nstrong: [off, on]\nmixup: [off, on]`)).toEqual([]);
    expect(
      problemsOf(generic(), 'tricks.strong: [off, on]\ntricks.mixup.alpha: { range: [0.1, 0.4] }'),
    ).toEqual([]);
  });

  it('become settings of its experiment', () => {
    const { search } = reading(
      searchText(
        'trainer.values.lr: { log: [0.01, 1] }\nlr: { log: [0.01, 1] }\nstrong: [off, on]\ntricks.strong: [off, on]',
      ),
    );
    const written = parseDocument(generic(), 'a.yaml').value;
    expect(settingsOf(search, valuesAt(search, [0.5, 0.5, 0.9, 0]), written)).toEqual([
      'trainer.values.lr=0.1',
      'trainer.values.lr=0.1',
      'tricks.strong=true',
    ]);
  });

  it('are none of the settings that only our own trainer has', () => {
    expect(problemsOf(timm(), 'optimizer.base_lr: { log: [0.01, 1] }')).toEqual([
      `4:3: error: An experiment with a command has no optimizer.base_lr. Write \${base_lr} in the command, values: { base_lr: ... } under trainer, and search over trainer.values.base_lr.`,
    ]);
    expect(problemsOf(timm(), 'rate: { log: [0.01, 1] }')).toEqual([
      expect.stringContaining('An experiment with a command has no rate.'),
    ]);
  });

  it('must be in the command', () => {
    expect(problemsOf(timm(), 'trainer.values.wd: { log: [0.01, 1] }')).toEqual([
      `4:3: error: trainer.values.wd changes nothing in this experiment. Write \${wd} in the command, values: { wd: ... } under trainer, and search over trainer.values.wd.`,
    ]);
  });

  it('cannot change how long it trains', () => {
    const experiment = experimentOf(`python train.py --data-dir pets --epochs \${n} --seed \${seed}`, {
      more: 'values: { n: 9 }\n',
    });
    expect(problemsOf(experiment, 'trainer.values.n: [3, 9]')).toEqual([
      '4:3: error: trainer.values.n cannot be searched: with it, the command trains 3 epochs instead of 9. The rungs determine how long a trial trains.',
    ]);
  });

  it('have the reason of a trick that the command cannot have', () => {
    expect(problemsOf(timm(), 'sam: [off, on]')).toEqual([
      expect.stringMatching(/^4:14: error: With sam: on, the experiment cannot be trained: .*sam/),
    ]);
  });
});

describe('a search over a command', () => {
  it('needs its number of epochs', () => {
    const parameters = 'lr: { log: [0.001, 1] }';
    expect(problemsOf(generic(''), parameters)).toEqual([
      '2:13: error: It is unknown how many epochs the command of the experiment trains. Write epochs: 30 under trainer in the experiment.',
    ]);
    expect(problemsOf(generic(), parameters)).toEqual([]);
    expect(searchRungs(reading(searchText(parameters)).search, recipeIn(generic('')))).toBeNull();
  });

  it('cannot use metrics that need the predictions', () => {
    expect(problemsOf(timm(), 'lr: { log: [0.001, 1] }', 'metric: macro_f1\n')).toEqual([
      '6:9: error: A command does not report macro_f1, which needs the prediction of each image. Use validation_accuracy, averaged_accuracy, validation_loss.',
    ]);
  });

  it('has no rungs for several seeds if the command cannot resume', () => {
    const parameters = 'lr: { log: [0.001, 1] }';
    const rungsOf = (experiment: string, more: string) =>
      searchRungs(reading(searchText(parameters, more)).search, recipeIn(experiment));
    expect(canResume(recipeIn(generic()))).toBe(false);
    expect(canResume(recipeIn(RESUMABLE))).toBe(true);
    expect(rungsOf(generic(), '')).toEqual([1, 3, 9]);
    expect(rungsOf(generic(), 'seeds: 2\n')).toEqual([9]);
    expect(rungsOf(RESUMABLE, 'seeds: 2\n')).toEqual([1, 3, 9]);
    expect(problemsOf(RESUMABLE, parameters, 'seeds: 2\nrungs: 2\n')).toEqual([]);
    expect(problemsOf(generic(), parameters, 'seeds: 2\nrungs: 2\n')).toEqual([
      '7:8: error: The command cannot resume, so the runs of 2 seeds cannot wait for each other at a rung. Write resume under trainer in the experiment, or use seeds: 1 or rungs: 1.',
    ]);
  });
});
