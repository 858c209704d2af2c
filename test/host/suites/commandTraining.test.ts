import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import * as vscode from 'vscode';
import { isCommandRecipe } from '../../../src/recipe/anyRecipe';
import {
  clickLens,
  discard,
  eventually,
  extension,
  lensesOf,
  openNew,
  proposeStudy,
  runIn,
  stopLiveRuns,
  workspaceFile,
} from './support';

/** Logs like a training of two epochs, then stays if it is asked to. */
const SCRIPT = `for (let epoch = 0; epoch < 2; epoch++) {
  console.log(JSON.stringify({ step: epoch, epoch, loss: 1 - epoch / 10 }));
  console.log(JSON.stringify({ epoch, validation_loss: 1, validation_accuracy: 0.5 + epoch / 10 }));
}
if (process.argv[2] === 'wait') setInterval(() => {}, 60_000);
`;

const experimentText = (words: string, more = '') =>
  `name: other\nseed: 4\ntrainer:\n  command: node train.mjs ${words} --seed \${seed}\n  system: generic\n${more}`;

suite('An experiment that a command trains', () => {
  const made: vscode.Uri[] = [];
  suiteSetup(extension);
  setup(async () => {
    await writeFile(workspaceFile('train.mjs').fsPath, SCRIPT);
  });
  teardown(async () => {
    await stopLiveRuns();
    await discard(...made.splice(0));
    await vscode.workspace.fs.delete(workspaceFile('train.mjs'));
  });

  const open = async (words = '', more = '') => {
    const document = await openNew('other.experiment.yaml', experimentText(words, more));
    made.push(document.uri);
    return document;
  };

  test('has lenses to run it and to see its recipe, and trains', async () => {
    const document = await open();
    assert.deepEqual(
      (await lensesOf(document.uri)).map(({ text }) => text),
      ['1 Run', '1 Recipe', '1 Find out which tricks pay here'],
    );
    assert.deepEqual(vscode.languages.getDiagnostics(document.uri), []);
    await clickLens(document.uri, 'Run');
    const { run, state } = await runIn(document.uri, 'done');
    assert.ok(isCommandRecipe(run.manifest.recipe));
    assert.deepEqual(run.manifest.recipe.command, ['node', 'train.mjs', '--seed', '4']);
    assert.equal(state.result.validationAccuracy, 0.6);
    await eventually('its result in a lens', async () =>
      (await lensesOf(document.uri)).some(({ text }) => text.includes('60.00%')),
    );
  });

  test('gets a trick by a click, for which the file gives arguments, and undo takes it out again', async () => {
    const arguments_ = "  arguments: { mixup: { with: '--mixup', without: '' } }\n";
    const document = await open('', arguments_);
    const before = document.getText();
    await clickLens(document.uri, 'Mixup alpha 0.2');
    assert.equal(document.getText(), `${before}tricks:\n  mixup: true\n`);
    await eventually('a lens that removes it', async () =>
      (await lensesOf(document.uri)).some(({ text }) => text.includes('Remove mixup')),
    );
    await vscode.window.showTextDocument(document);
    await vscode.commands.executeCommand('undo');
    assert.equal(document.getText(), before);
  });

  test('is stopped with its command', async () => {
    const document = await open('wait');
    await clickLens(document.uri, 'Run');
    const { run } = await runIn(document.uri, 'running');
    await vscode.commands.executeCommand('bagOfTricks.stop', run.folder);
    await runIn(document.uri, 'stopped');
  });

  test('shows its problems in their places, and does not run', async () => {
    const document = await open('', '  sistem: timm\n');
    const [problem] = await eventually('a diagnostic', () => {
      const found = vscode.languages.getDiagnostics(document.uri);
      return found.length > 0 && found;
    });
    assert.equal(problem?.range.start.line, 5);
    await vscode.commands.executeCommand('bagOfTricks.run', document.uri);
    const { library } = await extension();
    await library.refresh();
    assert.deepEqual(library.runsOf(document.uri.fsPath), []);
  });

  test('is studied by the lens of a study file', async () => {
    const experiment = await open(
      `--lr \${lr}`,
      '  values: { lr: 0.1 }\n  arguments:\n    strong_aug: { with: --aug strong, without: "" }\n',
    );
    const study = await openNew(
      'commanded.study.yaml',
      [
        'name: commanded',
        `experiment: ${basename(experiment.uri.path)}`,
        'factors: [strong_aug, lr: [0.1, 0.2]]',
        'budget: { runs: 8 }',
        // Eight runs can detect effects of this many points, so nothing is asked before they start.
        'smallest_effect: 5',
        'stop: never',
        '',
      ].join('\n'),
    );
    made.push(study.uri);
    assert.deepEqual(vscode.languages.getDiagnostics(study.uri), []);
    await clickLens(study.uri, 'Run study');
    const { studies } = await extension();
    const failure = await eventually('the end of the study', () => {
      const found = studies.studies.find(
        (each) => each.kind === 'study' && each.facts.studyFile === study.uri.fsPath,
      );
      return found?.kind === 'study' && found.facts.state.status === 'failed' && found.facts.state.failure;
    });
    // The command prints the same with every seed.
    assert.match(failure.what, /ignores its seed/);
  });

  test('outside of the open folder is run only with consent', async () => {
    const outside = await realpath(await mkdtemp(join(tmpdir(), 'bag-of-tricks-outside-')));
    try {
      await writeFile(join(outside, 'train.mjs'), SCRIPT);
      const document = await open('', `  working_directory: ${outside}\n`);
      const command = vscode.commands.executeCommand('bagOfTricks.run', document.uri);
      await eventually('a message is answered', async () => {
        await vscode.commands.executeCommand('notification.acceptPrimaryAction');
        const { library } = await extension();
        return library.runsOf(document.uri.fsPath).length > 0;
      });
      await command;
      await runIn(document.uri, 'done');
    } finally {
      await rm(outside, { recursive: true });
    }
  });
});

/** Prints the lines of torchvision's references for one epoch of two steps. */
const TORCHVISION = `print("Start training")
print("Epoch: [0]  [0/2]  eta: 0:00:01  lr: 0.1  img/s: 50.0  loss: 1.2 (1.2)  acc1: 50.0 (50.0)  acc5: 75.0 (75.0)")
print("Epoch: [0]  [1/2]  eta: 0:00:00  lr: 0.1  img/s: 50.0  loss: 1.0 (1.1)  acc1: 60.0 (55.0)  acc5: 85.0 (80.0)")
print("Test:  Acc@1 62.500 Acc@5 90.000")
print("Training time 0:00:01")
`;

suite("Another system's file", () => {
  const made: vscode.Uri[] = [];
  const { PATH } = process.env;
  let programs: string;
  suiteSetup(extension);
  setup(async function () {
    const python = (PATH ?? '')
      .split(':')
      .map((folder) => join(folder, 'python3'))
      .find((path) => existsSync(path));
    if (python === undefined) this.skip();
    programs = await mkdtemp(join(tmpdir(), 'bag-of-tricks-python-'));
    await symlink(python, join(programs, 'python'));
    process.env.PATH = `${programs}:${PATH}`;
    await writeFile(workspaceFile('train.py').fsPath, TORCHVISION);
  });
  teardown(async () => {
    process.env.PATH = PATH;
    await stopLiveRuns();
    await discard(...made.splice(0));
    await rm(workspaceFile('train.py').fsPath, { force: true });
    await rm(programs, { recursive: true, force: true });
  });

  test("is run by the lens 'Run here', as an experiment beside it, which a second click runs again", async () => {
    const script = await openNew(
      'pets.sh',
      'python train.py --model resnet18 --data-path pets --lr-warmup-epochs 5 --epochs 1 --lr-scheduler cosineannealinglr\n',
    );
    made.push(script.uri);
    await clickLens(script.uri, 'Run here');
    const experiment = script.uri.with({ path: script.uri.path.replace(/\.sh$/, '.experiment.yaml') });
    made.push(experiment);
    const { run, state } = await runIn(experiment, 'done');
    assert.equal(state.result.validationAccuracy, 0.625);
    assert.ok(isCommandRecipe(run.manifest.recipe));
    assert.equal(run.manifest.recipe.system, 'torchvision');
    assert.ok(run.manifest.recipe.tricks.includes('cosine_decay'), run.manifest.recipe.tricks.join());
    await clickLens(script.uri, 'Run here');
    const { library } = await extension();
    await eventually('a second run', () => library.runsOf(experiment.fsPath).length === 2);
    await runIn(experiment, 'done');
  });

  const besides = async (file: vscode.Uri) =>
    (await vscode.workspace.fs.readDirectory(vscode.Uri.joinPath(file, '..')))
      .map(([name]) => name)
      .filter((name) => name.includes('studied-pets.') && !name.endsWith('.sh'))
      .sort();

  test("is studied by the lens 'Find out which tricks pay here', which writes both files at once", async () => {
    const script = await openNew(
      'studied-pets.sh',
      'python train.py --model resnet18 --data-path pets --lr-warmup-epochs 5 --epochs 20 --lr-scheduler cosineannealinglr\n',
    );
    made.push(script.uri);
    const sibling = (ending: string) => script.uri.with({ path: script.uri.path.replace(/\.sh$/, ending) });
    await eventually('both files', async () => {
      // A question may be accepted before its rows are drawn. Then nothing is chosen, and nothing written.
      await proposeStudy(script.uri);
      return (await besides(script.uri)).length > 0;
    });
    made.push(sibling('.experiment.yaml'), sibling('.study.yaml'));
    const stem = basename(script.uri.path, '.sh');
    assert.deepEqual(await besides(script.uri), [`${stem}.experiment.yaml`, `${stem}.study.yaml`]);
    const text = async (uri: vscode.Uri) => (await vscode.workspace.openTextDocument(uri)).getText();
    const experiment = await text(sibling('.experiment.yaml'));
    assert.match(experiment, /system: torchvision/);
    assert.match(experiment, /seed_variable: SEED/);
    const study = await text(sibling('.study.yaml'));
    assert.ok(study.includes(`\nexperiment: ${stem}.experiment.yaml`), study);
    assert.match(study, /^ {2}- mixup/m);
    assert.match(study, /^blocks: seeds/m);
    // The script has it by an option, which the experiment has as a trick.
    assert.match(study, /^ {2}- cosine_decay/m);
    assert.match(experiment, /^ {2}cosine_decay: true/m);
    // The script has a constant warmup, and torchvision has no option for the others.
    assert.doesNotMatch(study, /^ {2}- (?:warmup|sam|zero_gamma|resnet_d)/m);
    assert.equal(vscode.window.activeTextEditor?.document.uri.path, sibling('.study.yaml').path);
  });
});
