import { describe, expect, test } from 'vitest';
import { ADAPTERS, readForeign } from '../../../src/interop/import/adapters';
import { clicked, fitsOf } from '../../support/foreignFiles';

const TIMM = `# resnet50, a100 recipe
batch_size: 1024
model: resnet50
opt: sgd
lr: 0.1   # for 256
epochs: 90
weight_decay: 0.0001
sched: step
warmup_epochs: 0
smoothing: 0.0
mixup: 0.0
amp: false
clip_grad: null
`;

const SCRIPT = `#!/bin/bash
# torchrun train.py --amp is not this one
torchrun --nproc_per_node=8 train.py \\
    --model resnet50 --batch-size 128 \\
    --lr 0.5 --train-crop-size 176 \\
    --val-resize-size 232 \\
    --epochs 90 # the end
echo "done --amp"
`;

const FILES: Record<string, readonly [fileName: string, text: string]> = {
  timm: ['args.yaml', TIMM],
  torchvision: ['train.sh', SCRIPT],
};

describe('files of other systems', () => {
  test('are recognized by their content, and no other files are taken', () => {
    for (const [system, [fileName, text]] of Object.entries(FILES)) {
      expect(readForeign(text, fileName)?.adapter.system).toBe(system);
    }
    expect(readForeign('services:\n  web: {}\n', 'docker-compose.yaml')).toBeNull();
    expect(readForeign('name: a\nmodel: { name: resnet8 }\n', 'a.experiment.yaml')).toBeNull();
    expect(readForeign('python test.py --model a\n', 'run.sh')).toBeNull();
    expect(readForeign('import os\nx = dict(a=1)\n', 'tool.py')).toBeNull();
    expect(readForeign('', 'args.yaml')).toBeNull();
  });

  test.each(Object.keys(FILES))('%s: every trick can be inserted by its lens and removed again', (system) => {
    const [fileName, text] = FILES[system]!;
    const adapter = ADAPTERS.find((each) => each.system === system);
    const fits = fitsOf(text, fileName).fits.filter(({ obstacle }) => obstacle() === null);
    expect(fits.length).toBeGreaterThan(7);
    for (const { trick, isIn } of fits) {
      const once = clicked([fileName, text], trick.name);
      const after = fitsOf(once, fileName).fits.find((each) => each.trick === trick);
      expect([trick.name, after?.isIn]).toEqual([trick.name, !isIn]);
      const twice = clicked([fileName, once], trick.name);
      const back = fitsOf(twice, fileName).fits.find((each) => each.trick === trick);
      expect([trick.name, back?.isIn]).toEqual([trick.name, isIn]);
      for (const kept of text.match(/#[^\n]*/g) ?? []) expect(twice).toContain(kept);
      const settings = adapter?.tricks[trick.name]?.settings ?? [];
      // If the file had none of the trick's settings, it is unchanged.
      const file = readForeign(text, fileName)?.file;
      const read = file && 'settings' in file ? file.settings : null;
      const isNew = !settings.some((each) => [...(read?.keys() ?? [])].some((key) => key.startsWith(each)));
      if (isNew && !isIn) expect(twice).toBe(text);
    }
  });
});
