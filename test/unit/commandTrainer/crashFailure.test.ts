import { describe, expect, test } from 'vitest';
import { type Crash, crashFailure } from '../../../src/commandTrainer/crashFailure';
import { commandRecipe } from './commandRuns';

const timm = commandRecipe({ system: 'timm', command: ['python', 'train.py', '-b', '256', '-j', '8'] });

function failureOf(crash: Partial<Crash>, recipe = timm) {
  const ready = {
    word: 'python',
    program: '/venv/bin/python',
    args: [],
    env: {},
    python: { kind: 'none' } as const,
  };
  const exit = { code: 1, signal: null };
  return crashFailure(recipe, ready, { exit, lines: [], hadMemory: null, ...crash });
}

const raised = (error: string) => [
  'Traceback (most recent call last):',
  '  File "train.py", line 1, in <module>',
  error,
];

describe('the remedy of a crash for lack of memory', () => {
  test('of the GPU is half the batch, without a promise that it fits', () => {
    const { what, remedy } = failureOf({ lines: raised('torch.OutOfMemoryError: CUDA out of memory.') });
    expect(what).toBe('torch.OutOfMemoryError: CUDA out of memory.');
    expect(remedy).toBe(
      'Try half the batch size: -b 128. The largest one that fits depends on the network and the images.',
    );
  });

  test('is the name of the option, if the command does not have it or cannot be halved', () => {
    const lines = raised('torch.OutOfMemoryError: CUDA out of memory.');
    for (const command of [['train.py'], ['train.py', '-b', '1']]) {
      const { remedy } = failureOf({ lines }, { ...timm, command });
      expect(remedy).toMatch(/^Use a smaller batch size \((?:--batch-size|-b)\), then run again\.$/);
    }
  });

  test('of the machine names the workers first', () => {
    const { remedy } = failureOf({ lines: raised('MemoryError') });
    expect(remedy).toContain('fewer data loading workers (-j) or a smaller batch size (-b)');
  });

  test('that workers share is no smaller batch', () => {
    const lines = raised(
      "RuntimeError: DataLoader worker (pid 1) is killed by signal: Bus error. It is possible that dataloader's workers are out of shared memory.",
    );
    const { remedy } = failureOf({ lines });
    expect(remedy).toContain('--shm-size');
    expect(remedy).not.toContain('batch');
  });
});

test('a script that Python does not find is looked for in another working directory', () => {
  const lines = ["python: can't open file '/home/me/train.py': [Errno 2] No such file or directory"];
  expect(failureOf({ lines })).toMatchObject({
    what: lines[0],
    remedy: 'Set trainer.working_directory to the folder of the script.',
  });
});

describe('a command that SIGKILL ended', () => {
  const KILLED = [
    { exit: { code: null, signal: 'SIGKILL' } as const },
    { exit: { code: 137, signal: null } },
  ];

  test.each(KILLED)('%j probably lacked memory, if Linux ended a process or does not tell', (crash) => {
    for (const hadMemory of [false, null]) {
      const { what, remedy } = failureOf({ ...crash, hadMemory });
      expect(what).toContain('probably because the machine ran out of memory');
      expect(remedy).toContain('-j');
    }
  });

  test.each(KILLED)('%j had another reason, if Linux ended none', (crash) => {
    const { what, remedy } = failureOf({ ...crash, hadMemory: true });
    expect(what).toBe('The command was killed by SIGKILL.');
    expect(remedy).not.toContain('batch');
  });
});

describe('a process that torchrun started', () => {
  const summary = (signal: string) => [
    'Train: 0 [   0/7 ( 14%)]',
    'E1130 20:20:02.201000 1 torch/distributed/elastic/multiprocessing/api.py:986] failed (exitcode: -9) local_rank: 1 (pid: 2) of binary: /venv/bin/python3',
    ...raised('torch.distributed.elastic.multiprocessing.errors.ChildFailedError: '),
    'Root Cause (first observed failure):',
    `  traceback : Signal 9 (${signal}) received by PID 2`,
  ];

  test('is named with its signal, without what torchrun prints about itself', () => {
    const { what, log } = failureOf({ lines: summary('SIGSEGV') });
    expect(what).toBe('A process of the command was killed by SIGSEGV.');
    expect(log).toBe('Train: 0 [   0/7 ( 14%)]');
  });

  test('may have lacked memory', () => {
    expect(failureOf({ lines: summary('SIGKILL') }).what).toContain('ran out of memory');
  });
});

test('a checkpoint that PyTorch refuses can be allowed', () => {
  const { remedy } = failureOf({
    lines: [
      ...raised('_pickle.UnpicklingError: Weights only load failed.'),
      '\tWeightsUnpickler error: Unsupported global: GLOBAL argparse.Namespace was not an allowed global by default.',
    ],
  });
  expect(remedy).toContain('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1');
  expect(remedy).toContain('torch.serialization.add_safe_globals([argparse.Namespace])');
});
