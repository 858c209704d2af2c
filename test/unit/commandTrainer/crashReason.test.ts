import { describe, expect, test } from 'vitest';
import { batchSizeOption, crashReason, workersOption } from '../../../src/commandTrainer/crashReason';

/** What torchrun of PyTorch 2.15 prints of two gloo processes, if SIGKILL ends the second. Paths are shortened. */
const TORCHRUN_KILLED = `[rank0]: Traceback (most recent call last):
[rank0]:   File "/work/kill.py", line 4, in <module>
[rank0]:     dist.barrier()
[rank0]:   File "/venv/torch/distributed/distributed_c10d.py", line 6614, in barrier
[rank0]:     work.wait()
[rank0]: RuntimeError: [/__w/pytorch/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:545] Read error [127.0.0.1]:27555: Connection reset by peer. This is typically caused by a remote worker hanging or bugs in the application.
W1130 20:33:38.022000 14406 torch/distributed/elastic/multiprocessing/api.py:1028] Sending process 14651 closing signal SIGTERM
E1130 20:33:38.242000 14406 torch/distributed/elastic/multiprocessing/api.py:1002] failed (exitcode: -9) local_rank: 1 (pid: 14652) of binary: /venv/bin/python3
Traceback (most recent call last):
  File "/venv/bin/torchrun", line 8, in <module>
    sys.exit(main())
             ^^^^^^
  File "/venv/torch/distributed/launcher/api.py", line 386, in launch_agent
    raise ChildFailedError(
torch.distributed.elastic.multiprocessing.errors.ChildFailedError: 
=======================================================
kill.py FAILED
-------------------------------------------------------
Failures:
[1]:
  time      : 2026-11-30_20:33:38
  host      : localhost
  rank      : 0 (local_rank: 0)
  exitcode  : -15 (pid: 14651)  (SIGTERM)
  error_file: <N/A>
  traceback : Signal 15 (SIGTERM) received by PID 14651
-------------------------------------------------------
Root Cause (first observed failure):
[0]:
  time      : 2026-11-30_20:33:38
  host      : localhost
  rank      : 1 (local_rank: 1)
  exitcode  : -9 (pid: 14652)  (SIGKILL)
  error_file: <N/A>
  traceback : Signal 9 (SIGKILL) received by PID 14652
=======================================================`;

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

  test('is of the worker that failed first, whatever the others print later and in between', () => {
    const text = `[rank1]: Traceback (most recent call last):
[rank0]: Traceback (most recent call last):
[rank1]:   File "train.py", line 9, in <module>
[rank0]:   File "train.py", line 9, in <module>
[rank1]: ValueError: bad label
[rank0]: RuntimeError: Connection closed by peer
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
Root Cause (first observed failure):
[0]:
  rank      : 1 (local_rank: 1)
  exitcode  : 1 (pid: 7)
  traceback : To enable traceback see: https://pytorch.org/docs/stable/elastic/errors.html`;
    expect(reasonIn(text)).toEqual({ kind: 'error', what: 'ValueError: bad label' });
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
    ['device', 'torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB'],
    ['device', 'torch.AcceleratorError: CUDA error: out of memory'],
    ['device', 'RuntimeError: CUDA error: out of memory'],
    [
      'device',
      'RuntimeError: MPS backend out of memory (MPS allocated: 8.00 GB, other allocations: 1.00 GB)',
    ],
    ['device', 'torch.OutOfMemoryError: XPU out of memory. Tried to allocate 2.00 GiB.'],
    ['device', 'RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`'],
    ['device', 'jax.errors.JaxRuntimeError: RESOURCE_EXHAUSTED: Out of memory allocating 34359738368 bytes.'],
    [
      'device',
      'jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Failed to allocate request for 1.00GiB (1073741824B) on device ordinal 0',
    ],
    [
      'device',
      'tensorflow.python.framework.errors_impl.ResourceExhaustedError: {{function_node __wrapped__Conv2D_device_/job:localhost/replica:0/task:0/device:GPU:0}} OOM when allocating tensor with shape[256,64,112,112]',
    ],
    [
      'machine',
      "RuntimeError: [enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes. Error code 12 (Cannot allocate memory)",
    ],
    [
      'machine',
      'RuntimeError: [enforce fail at alloc_cpu.cpp:115] data. DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes.',
    ],
    ['machine', 'MemoryError'],
    ['machine', 'numpy._core._exceptions._ArrayMemoryError: Unable to allocate 7.28 TiB'],
    ['machine', 'OSError: [Errno 12] Cannot allocate memory'],
    ['machine', 'RuntimeError: DataLoader worker (pid 4242) is killed by signal: Killed. '],
    [
      'shared',
      "RuntimeError: DataLoader worker (pid 4242) is killed by signal: Bus error. It is possible that dataloader's workers are out of shared memory. Please try to raise your shared memory limit.",
    ],
    ['shared', 'RuntimeError: unable to write to file </torch_4242_1>: No space left on device (28)'],
    [
      'shared',
      'RuntimeError: unable to allocate shared memory(shm) for file </torch_4242_1>: Resource temporarily unavailable (11)',
    ],
  ])('is memory of the %s: %s', (of, line) => {
    const text = `Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    x()\n${line}`;
    expect(reasonIn(text)).toEqual({ kind: 'memory', of, what: line.trim() });
  });

  test.each([
    'RuntimeError: unable to open shared memory object </torch_1_2> in read-write mode: Too many open files (24)',
    'grpc._channel._InactiveRpcError: RESOURCE_EXHAUSTED: Received message larger than max (5 vs. 4)',
    'triton.runtime.errors.OutOfResources: out of resource: shared memory, Required: 180224, Hardware limit: 101376.',
  ])('is no memory: %s', (line) => {
    const text = `Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    x()\n${line}`;
    expect(reasonIn(text)).toEqual({ kind: 'error', what: line });
  });

  test('is the worker that Linux killed, not that the others then miss it', () => {
    const text = `Traceback (most recent call last):
  File "/venv/torch/utils/data/dataloader.py", line 1310, in _try_get_data
    data = self._data_queue.get(timeout=timeout)
  File "/venv/torch/utils/data/_utils/signal_handling.py", line 67, in handler
    _error_if_any_worker_fails()
RuntimeError: DataLoader worker (pid 7) is killed by signal: Killed. 

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "train.py", line 5, in <module>
    for batch in loader:
RuntimeError: DataLoader worker (pid(s) 7) exited unexpectedly`;
    expect(reasonIn(text)).toMatchObject({ kind: 'memory', of: 'machine' });
  });

  test('is not the memory that the program lacked before it went on with a smaller batch', () => {
    const text = `torch.OutOfMemoryError: CUDA out of memory. Trying a batch of 32.
Traceback (most recent call last):
  File "a.py", line 1, in <module>
    x()
KeyError: 'labels'`;
    expect(reasonIn(text)).toEqual({ kind: 'error', what: "KeyError: 'labels'" });
  });

  test('is memory without a traceback, too', () => {
    const text = "terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc";
    expect(reasonIn(text)).toEqual({ kind: 'memory', of: 'machine', what: 'what():  std::bad_alloc' });
  });

  test("is the signal that ended one of torchrun's processes", () => {
    expect(reasonIn(TORCHRUN_KILLED)).toEqual({ kind: 'signal', signal: 'SIGKILL' });
  });

  test('is a checkpoint that PyTorch refuses, with the type that it lacks', () => {
    // torchvision 0.21's train.py with PyTorch 2.15, resumed from its own checkpoint.
    const text = `Traceback (most recent call last):
  File "/work/train.py", line 520, in <module>
    main(args)
  File "/venv/torch/serialization.py", line 1541, in load
    raise pickle.UnpicklingError(_get_wo_message(str(e))) from None
_pickle.UnpicklingError: Weights only load failed. This file can still be loaded, to do so you have two options, do those steps only if you trust the source of the checkpoint. 
	(1) In PyTorch 2.6, we changed the default value of the \`weights_only\` argument in \`torch.load\` from \`False\` to \`True\`. Re-running \`torch.load\` with \`weights_only\` set to \`False\` will likely succeed.
	(2) Alternatively, to load with \`weights_only=True\` please check the recommended steps in the following error message.
	WeightsUnpickler error: Unsupported global: GLOBAL argparse.Namespace was not an allowed global by default. Please use \`torch.serialization.add_safe_globals([argparse.Namespace])\` to allowlist this global.

Check the documentation of torch.load to learn more about types accepted by default with weights_only https://pytorch.org/docs/stable/generated/torch.load.html.`;
    expect(reasonIn(text)).toMatchObject({
      ...{ kind: 'unsafe_checkpoint', type: 'argparse.Namespace' },
      what: expect.stringMatching(/^_pickle\.UnpicklingError: Weights only load failed\./),
    });
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

describe('the number of data loading workers', () => {
  test.each([
    ['timm', ['train.py', '-j', '8'], { option: '-j', value: 8 }],
    ['torchvision', ['train.py'], { option: '--workers', value: null }],
    ['generic', ['train.py', '--num-workers=4'], { option: '--num-workers', value: 4 }],
  ] as const)('of %s: %j', (system, command, expected) => {
    expect(workersOption(system, command)).toEqual(expected);
  });
});
