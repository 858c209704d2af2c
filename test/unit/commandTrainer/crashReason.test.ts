import { describe, expect, test } from 'vitest';
import { batchSizeOption, crashReason } from '../../../src/commandTrainer/crashReason';

const reasonIn = (text: string) => crashReason(text.split('\n'));

describe('the reason of a crash', () => {
  test('is the last line of the traceback, whatever is printed after it', () => {
    const text = `
Epoch 1
Traceback (most recent call last):
  File "/work/train.py", line 3, in <module>
    main()
    ~~~~^^
  File "/work/train.py", line 2, in main
    raise ValueError("the labels have 11 classes, the model has 10")
ValueError: the labels have 11 classes, the model has 10
wandb: Find logs at: ./wandb/latest
`;
    expect(reasonIn(text)).toEqual({
      kind: 'error',
      what: 'ValueError: the labels have 11 classes, the model has 10',
    });
  });

  test('is the outer error of a chain', () => {
    const text = `Traceback (most recent call last):
  File "a.py", line 2, in f
    {}["x"]
KeyError: 'x'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "a.py", line 4, in <module>
    raise RuntimeError("no such key")
RuntimeError: no such key`;
    expect(reasonIn(text)).toEqual({ kind: 'error', what: 'RuntimeError: no such key' });
  });

  test('is of the worker, not of torchrun', () => {
    const text = `[rank0]: Traceback (most recent call last):
[rank0]:   File "train.py", line 9, in <module>
[rank0]:     main(args)
[rank0]: AssertionError: bad shape
E1127 failed (exitcode: 1) local_rank: 0
Traceback (most recent call last):
  File "/usr/bin/torchrun", line 8, in <module>
    sys.exit(main())
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
============================================================
train.py FAILED`;
    expect(reasonIn(text)).toEqual({ kind: 'error', what: 'AssertionError: bad shape' });
  });

  test('is the memory that one worker lacked, although others failed later', () => {
    const text = `[rank1]: Traceback (most recent call last):
[rank1]:   File "train.py", line 9, in <module>
[rank1]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 79.15 GiB
[rank0]: Traceback (most recent call last):
[rank0]:   File "train.py", line 9, in <module>
[rank0]: torch.distributed.DistBackendError: NCCL error: remote process exited`;
    expect(reasonIn(text)).toMatchObject({
      kind: 'memory',
      what: expect.stringMatching(/^torch.OutOfMemoryError/),
    });
  });

  test.each([
    'torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB',
    "RuntimeError: [enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes.",
    'MemoryError',
    'numpy._core._exceptions._ArrayMemoryError: Unable to allocate 7.28 TiB',
    'RuntimeError: CUDA error: out of memory',
  ])('is memory: %s', (line) => {
    const text = `Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    x()\n${line}`;
    expect(reasonIn(text)).toEqual({ kind: 'memory', what: line });
  });

  test('is a missing module, with its name', () => {
    const text = `Traceback (most recent call last):
  File "train.py", line 1, in <module>
    import timm.data
ModuleNotFoundError: No module named 'timm'`;
    expect(reasonIn(text)).toEqual({
      ...{ kind: 'module', module: 'timm', what: "ModuleNotFoundError: No module named 'timm'" },
    });
  });

  test('is a syntax error, which has no traceback', () => {
    const text = `  File "train.py", line 1
    def
       ^
SyntaxError: invalid syntax`;
    expect(reasonIn(text)).toEqual({ kind: 'error', what: 'SyntaxError: invalid syntax' });
  });

  test.each([
    [
      'usage: train.py [-h]\ntrain.py: error: unrecognized arguments: --lrr 1',
      'train.py: error: unrecognized arguments: --lrr 1',
    ],
    [
      "python3: can't open file '/w/train.py': [Errno 2] No such file or directory\n",
      "python3: can't open file '/w/train.py': [Errno 2] No such file or directory",
    ],
  ])('is a line with an error, without a traceback', (text, what) => {
    expect(reasonIn(text)).toEqual({ kind: 'error', what });
  });

  test('is unknown, if the output ends like that of any training', () => {
    expect(reasonIn('Epoch 1\nloss 0.3\n')).toEqual({ kind: 'unknown' });
    expect(reasonIn('')).toEqual({ kind: 'unknown' });
  });

  test('is cut, if it is very long', () => {
    const { what } = reasonIn(
      `Traceback (most recent call last):\n  x\nValueError: ${'a'.repeat(10_000)}`,
    ) as {
      what: string;
    };
    expect(what.length).toBeLessThan(600);
  });
});

describe('the batch size', () => {
  test.each([
    ['timm', ['train.py', '--batch-size', '128', '-b', '64'], { option: '-b', value: 64 }],
    ['timm', ['train.py', 'data'], { option: '--batch-size', value: null }],
    ['torchvision', ['train.py', '--batch-size=32'], { option: '--batch-size', value: 32 }],
    [
      'mmpretrain',
      ['train.py', 'c.py', '--cfg-options', 'train_dataloader.batch_size=16'],
      { option: 'train_dataloader.batch_size=', value: 16 },
    ],
    ['generic', ['train.py', '--batch_size', '8'], { option: '--batch_size', value: 8 }],
    ['generic', ['train.py', '--batch_size', 'auto'], { option: '--batch-size', value: null }],
  ] as const)('of %s: %j', (system, command, expected) => {
    expect(batchSizeOption(system, command)).toEqual(expected);
  });
});
