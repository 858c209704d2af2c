import { describe, expect, it } from 'vitest';
import { experimentOf, recipeIn } from '../../support/commandExperiments';

describe('the number of processes that a command starts on this machine', () => {
  it.each([
    ['torchrun --nproc_per_node=4 train.py', 4],
    ['torchrun --nnodes 2 --nproc-per-node 8 my_train.py --lr 1', 8],
    ['python -m torch.distributed.launch --nproc_per_node 2 my_train.py', 2],
    ['python3 -m torch.distributed.run --nproc_per_node 3 train.py', 3],
    ['accelerate launch --num_processes 2 train.py', 2],
    ['bash tools/dist_train.sh configs/resnet.py 4 --amp', 4],
    ['./distributed_train.sh 2 --data-dir pets', 2],
    // One, or not known.
    ['torchrun --nproc_per_node=gpu train.py', undefined],
    ['accelerate launch --num_processes 8 --num_machines 2 train.py', undefined],
    ['torchrun --nproc_per_node 1 train.py', undefined],
    ['python train.py --nproc_per_node 4', undefined],
    ['bash train.sh', undefined],
  ])('is in %s: %j', (command, processes) => {
    expect(recipeIn(experimentOf(command, { system: 'generic' })).processes).toBe(processes);
  });
});
