import assert from 'node:assert/strict';
import { basename } from 'node:path';
import * as vscode from 'vscode';
import {
  completionsAt,
  discard,
  eventually,
  extension,
  hoverText,
  labelOf,
  lensesOf,
  openNew,
  placeOf,
  proposeStudy,
  type,
} from './support';

const EXPERIMENT = `name: studied
data: { dataset: fashion-mnist-sample, batch_size: 128 }
model: { name: resnet8, width: 4 }
schedule: { epochs: 2, decay: cosine }
tricks:
  warmup: { epochs: 1 }
`;

const problemsOf = (uri: vscode.Uri) => vscode.languages.getDiagnostics(uri).map(({ message }) => message);

/** Proposes a study; undefined if a question was answered with no row. */
async function proposedStudy(experiment: vscode.Uri): Promise<vscode.TextDocument | undefined> {
  await proposeStudy(experiment);
  return vscode.workspace.textDocuments.find(({ uri }) => uri.path.endsWith('proposed.study.yaml'));
}

suite('Study files', () => {
  const made: vscode.Uri[] = [];
  suiteSetup(extension);
  teardown(() => discard(...made.splice(0)));

  /** A study of an experiment that is closed again, on the disk beside it. */
  const open = async (factors: string, more = 'budget: { runs: 32 }\n') => {
    const experiment = await openNew('studied.experiment.yaml', EXPERIMENT);
    made.push(experiment.uri);
    const text = `name: s\nexperiment: ${basename(experiment.uri.path)}\nfactors:\n${factors}${more}`;
    const document = await openNew('studied.study.yaml', text);
    made.push(document.uri);
    return { document, experiment };
  };

  test('without errors have a lens that runs them, and no problem', async () => {
    const { document } = await open('  - warmup\n  - mixup\n');
    const lenses = await lensesOf(document.uri);
    assert.deepEqual(
      lenses.map(({ text }) => text),
      ['1 Run study'],
    );
    assert.equal(lenses[0]?.command?.command, 'bagOfTricks.runStudy');
    assert.deepEqual(problemsOf(document.uri), []);
  });

  test('show their problems while typing, with a fix', async () => {
    const { document } = await open('  - warmup\n  - mixupp # wrong\n');
    const [problem] = await eventually('the problem', () => {
      const found = vscode.languages.getDiagnostics(document.uri);
      return found.length > 0 && found;
    });
    assert.equal(problem?.message, 'There is no trick mixupp. Did you mean mixup?');
    const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
      'vscode.executeCodeActionProvider',
      document.uri,
      problem?.range,
    );
    const fix = actions.find(({ title }) => title === 'Write mixup');
    assert.ok(fix?.edit, actions.map(({ title }) => title).join());
    await vscode.workspace.applyEdit(fix.edit);
    assert.match(document.getText(), / {2}- mixup # wrong\n/);
    await eventually('no problem', () => problemsOf(document.uri).length === 0);
  });

  test('follow edits of their experiment', async () => {
    const { document, experiment } = await open('  - warmup\n  - mixup\n');
    await eventually('no problem', () => problemsOf(document.uri).length === 0);
    await type(experiment, placeOf(experiment, 'resnet8'), 'x');
    const [message] = await eventually('the problem of the experiment', () => {
      const found = problemsOf(document.uri);
      return found.length > 0 && found;
    });
    assert.match(
      message ?? '',
      /The experiment \d+-studied\.experiment\.yaml has a problem on line 3: model\.name/,
    );
  });

  test('complete fitting tricks, keys of the experiment, and experiment files', async () => {
    const { document } = await open('  - warmup\n  - \n');
    const at = (line: number) => document.lineAt(line).range.end;
    const factors = (await completionsAt(document, at(4))).map(labelOf);
    assert.ok(factors.includes('mixup') && factors.includes('optimizer.weight_decay'), factors.join());
    assert.ok(!factors.includes('warmup') && !factors.includes('resnet_d'), factors.join());
    const files = (await completionsAt(document, placeOf(document, 'studied.experiment'))).map(labelOf);
    assert.ok(
      files.some((file) => file.endsWith('studied.experiment.yaml')),
      files.join(),
    );
  });

  test('explain tricks and keys, and link to the experiment', async () => {
    const { document, experiment } = await open('  - warmup\n  - optimizer.weight_decay: [0.0001, 0.001]\n');
    assert.match(await hoverText(document, 'warmup'), /The experiment uses it/);
    assert.match(await hoverText(document, 'optimizer.weight_decay'), /Weight decay: L2/);
    const links = await vscode.commands.executeCommand<vscode.DocumentLink[]>(
      'vscode.executeLinkProvider',
      document.uri,
      10,
    );
    assert.ok(links.some(({ target }) => target?.path === experiment.uri.path));
  });

  test('are proposed by a lens of their experiment: tricks, then a budget, then a file next to it', async () => {
    const experiment = await openNew('proposed.experiment.yaml', EXPERIMENT);
    made.push(experiment.uri);
    const written = await eventually('the study', () => proposedStudy(experiment.uri));
    made.push(written.uri);
    const text = written.getText();
    assert.match(text, /^experiment: \d+-proposed\.experiment\.yaml # /m);
    assert.match(text, /^ {2}- warmup # /m);
    assert.match(text, /^budget: \{ runs: \d+ \} # /m);
    assert.deepEqual(
      (await lensesOf(written.uri)).map((lens) => lens.text),
      ['1 Run study'],
    );
    assert.deepEqual(problemsOf(written.uri), []);
  });
});
