import * as vscode from 'vscode';
import { waitingForGpuText } from '../../protocol/stateName';
import type { KnownStudy } from '../../protocol/studyView';
import { moveInQueue } from '../../runs/queue';
import { TRASH_DAYS, type TrashedRun } from '../../runs/upkeep/trash';
import { assertNever } from '../../shared/assertNever';
import { formatBytes } from '../../shared/format';
import { markdownText } from '../../shared/markdown';
import { visibleText } from '../../shared/visibleText';
import { foldedPath } from '../../system/samePath';
import { type ExperimentFiles, experimentName } from '../language/experimentFiles';
import type { RunLabels } from '../runs/labels';
import { isRunning, type KnownRun, type ReadableRun } from '../runs/liveRun';
import { experimentFileOf, type RunLibrary } from '../runs/runLibrary';
import { markdown } from '../shown';
import { type StudySource, studyFolderOf } from '../studySource';
import { type Icon, runDescription, runFacts, stateIcon, trashText } from './runText';
import { studyRow } from './studyItem';
import { otherStudies, runsOfStudy, runsOutside, studiesOf } from './studyRows';

/** A node of the tree, and the target of commands in its menus. */
export type ExperimentsNode =
  | { readonly kind: 'experiment'; readonly uri: vscode.Uri }
  /** A run, below its experiment, or below the study with the given folder. */
  | { readonly kind: 'run'; readonly run: KnownRun; readonly study?: string }
  /** A study, with its runs as children. */
  | { readonly kind: 'study'; readonly study: KnownStudy }
  /** The queued runs. */
  | { readonly kind: 'queue' }
  /** A run in the queue. */
  | { readonly kind: 'queued'; readonly run: ReadableRun }
  /** Runs and studies without an existing experiment file, and unreadable folders. */
  | { readonly kind: 'others' }
  /** The deleted runs. */
  | { readonly kind: 'trash' }
  /** A deleted run that can be restored. */
  | { readonly kind: 'trashed'; readonly run: TrashedRun };

const EXPERIMENTS_VIEW = 'bagOfTricks.experiments';

/** MIME type for runs dragged within the view, in the form that VS Code requires. */
const DRAGGED_RUNS = 'application/vnd.code.tree.bagoftricks.experiments';

/** Shows experiment files with their studies and runs, the queue, which can be reordered by dragging, and the trash. */
export class ExperimentsView
  implements
    vscode.TreeDataProvider<ExperimentsNode>,
    vscode.TreeDragAndDropController<ExperimentsNode>,
    vscode.Disposable
{
  readonly dragMimeTypes = [DRAGGED_RUNS];
  readonly dropMimeTypes = [DRAGGED_RUNS];
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #view: vscode.TreeView<ExperimentsNode>;
  readonly #subscriptions: vscode.Disposable[];
  #shownRuns = '';

  constructor(
    private readonly files: ExperimentFiles,
    private readonly library: RunLibrary,
    private readonly source: StudySource,
    private readonly labels: RunLabels,
  ) {
    this.#view = vscode.window.createTreeView(EXPERIMENTS_VIEW, {
      treeDataProvider: this,
      dragAndDropController: this,
      canSelectMany: true,
    });
    this.#subscriptions = [
      this.#view,
      this.#changed,
      files.onDidChange(() => this.#changed.fire()),
      library.onDidChange(() => this.#showRuns()),
      labels.onDidChange(() => this.#showRuns()),
      source.onDidChange(() => this.#showRuns()),
    ];
  }

  getChildren(node?: ExperimentsNode): ExperimentsNode[] {
    switch (node?.kind) {
      case undefined: {
        const experiments = this.files.uris.map((uri) => ({ kind: 'experiment', uri }) as const);
        // Sections that appear and disappear on their own come last, so that no row above them moves under a click.
        return [
          ...experiments,
          ...(this.#others().length > 0 ? [{ kind: 'others' } as const] : []),
          ...(this.library.queue.length > 0 ? [{ kind: 'queue' } as const] : []),
          ...(this.library.trash.length > 0 ? [{ kind: 'trash' } as const] : []),
        ];
      }
      case 'experiment':
        return this.#below(node.uri);
      case 'others':
        return this.#others();
      case 'study':
        return runsOfStudy(node.study, (folder) => this.library.find(folder)).map((run) => ({
          kind: 'run',
          run,
          study: studyFolderOf(node.study).folder,
        }));
      case 'queue':
        return this.library.queue.map((run) => ({ kind: 'queued', run }));
      case 'trash':
        return this.library.trash.map((run) => ({ kind: 'trashed', run }));
      case 'run':
      case 'queued':
      case 'trashed':
        return [];
      default:
        return assertNever(node);
    }
  }

  getTreeItem(node: ExperimentsNode): vscode.TreeItem {
    switch (node.kind) {
      case 'experiment':
        return experimentItem(node.uri, this.#below(node.uri).length > 0);
      case 'study':
        return studyItem(node);
      case 'run':
        return runItem(node, this.#labelOf(node));
      case 'queue':
        return queueItem(this.library.queue.length);
      case 'queued':
        return queuedItem(
          node,
          this.#labelOf(node),
          this.library.queue.findIndex(({ folder }) => folder === node.run.folder),
          this.library.waitsForGpu(node.run),
        );
      case 'others': {
        const label = vscode.l10n.t('Other runs');
        const item = new vscode.TreeItem(label, vscode.TreeItemCollapsibleState.Collapsed);
        item.id = 'others';
        item.tooltip = vscode.l10n.t(
          'Runs and studies whose experiment file no longer exists, and folders that cannot be read.',
        );
        return item;
      }
      case 'trash':
        return trashItem(this.library.trash);
      case 'trashed':
        return trashedItem(node.run);
      default:
        return assertNever(node);
    }
  }

  /** The selected rows, for commands run by a keybinding. */
  get selection(): readonly ExperimentsNode[] {
    return this.#view.selection;
  }

  handleDrag(nodes: readonly ExperimentsNode[], dragged: vscode.DataTransfer): void {
    const folders = nodes.flatMap((node) => (node.kind === 'queued' ? [node.run.folder] : []));
    if (folders.length > 0) dragged.set(DRAGGED_RUNS, new vscode.DataTransferItem(folders));
  }

  async handleDrop(target: ExperimentsNode | undefined, dragged: vscode.DataTransfer): Promise<void> {
    const folders: unknown = dragged.get(DRAGGED_RUNS)?.value;
    if (!Array.isArray(folders) || (target?.kind !== 'queue' && target?.kind !== 'queued')) return;
    for (const folder of folders) {
      const run = this.library.queue.find((queued) => queued.folder === folder);
      if (!run) continue;
      // Each store has its own queue, and a run stays in its store's queue.
      const queue = this.library.queue.filter(({ root }) => root === run.root);
      const place =
        target.kind === 'queued' ? queue.findIndex((queued) => queued.folder === target.run.folder) : 0;
      await moveInQueue(run.root, run.id, place < 0 ? queue.length : place);
      await this.library.refresh();
    }
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  /** The studies of an experiment file, then the runs that belong to no study. */
  #below(uri: vscode.Uri): ExperimentsNode[] {
    const { studies } = this.source;
    return [
      ...studiesOf(studies, uri.fsPath).map((study) => ({ kind: 'study', study }) as const),
      ...runsOutside(this.library.runsOf(uri.fsPath), studies).map((run) => ({ kind: 'run', run }) as const),
    ];
  }

  #others(): ExperimentsNode[] {
    const files = this.files.uris.map((uri) => uri.fsPath);
    const shown = new Set(files.map((file) => foldedPath(file)));
    const runs = this.library.runs.filter(
      (run) => run.kind === 'broken' || !shown.has(foldedPath(experimentFileOf(run))),
    );
    const { studies } = this.source;
    return [
      ...otherStudies(studies, files).map((study) => ({ kind: 'study', study }) as const),
      ...runsOutside(runs, studies).map((run) => ({ kind: 'run', run }) as const),
    ];
  }

  /** A run below its experiment file, or below a study of the file, does not repeat the name. */
  #labelOf(node: Extract<ExperimentsNode, { kind: 'run' | 'queued' }>): string {
    const { short, full } = this.labels.of(node.run);
    return this.#isBelowFile(node) ? short : full;
  }

  #isBelowFile(node: Extract<ExperimentsNode, { kind: 'run' | 'queued' }>): boolean {
    if (node.kind === 'queued' || node.run.kind === 'broken') return false;
    const file = foldedPath(experimentFileOf(node.run));
    return this.files.uris.some((uri) => foldedPath(uri.fsPath) === file);
  }

  #showRuns(): void {
    const running = this.library.runs.filter(isRunning).length;
    const waiting = this.library.queue.length;
    const tooltip = vscode.l10n.t('{0} running, {1} queued', running, waiting);
    this.#view.badge = running + waiting > 0 ? { value: running + waiting, tooltip } : undefined;
    // Every step changes a run, but rarely its text here. Redrawing the tree closes an open tooltip.
    const { runs: all, queue, trash } = this.library;
    const runs = JSON.stringify([
      all.map((run) => [run.folder, describe(run), this.labels.of(run).full]),
      queue.map((run) => [run.folder, this.library.waitsForGpu(run)]),
      trash.map(({ folder }) => folder),
      this.source.studies.map((study) => [studyFolderOf(study).folder, studyRow(study)]),
    ]);
    if (runs === this.#shownRuns) return;
    this.#shownRuns = runs;
    this.#changed.fire();
  }
}

function experimentItem(uri: vscode.Uri, hasRuns: boolean): vscode.TreeItem {
  const { Expanded, None } = vscode.TreeItemCollapsibleState;
  const item = new vscode.TreeItem(visibleText(experimentName(uri)), hasRuns ? Expanded : None);
  // VS Code remembers the collapsed state by id. A new id expands a file at its first run.
  item.id = `${uri.toString()} ${hasRuns ? 'with runs' : 'without runs'}`;
  item.resourceUri = uri;
  item.iconPath = new vscode.ThemeIcon('beaker');
  item.contextValue = 'experiment';
  item.description = vscode.workspace.asRelativePath(uri).split('/').slice(0, -1).join('/');
  item.command = { command: 'vscode.open', title: vscode.l10n.t('Open'), arguments: [uri] };
  return item;
}

function queueItem(waiting: number): vscode.TreeItem {
  const item = new vscode.TreeItem(vscode.l10n.t('Queue'), vscode.TreeItemCollapsibleState.Expanded);
  item.id = 'queue';
  item.iconPath = new vscode.ThemeIcon('list-ordered');
  item.description = vscode.l10n.t('{0} queued', waiting);
  item.tooltip = vscode.l10n.t('Queued runs, the next one first. Drag them to change the order.');
  item.contextValue = 'queue';
  return item;
}

function trashItem(runs: readonly TrashedRun[]): vscode.TreeItem {
  const item = new vscode.TreeItem(vscode.l10n.t('Trash'), vscode.TreeItemCollapsibleState.Collapsed);
  item.id = 'trash';
  item.iconPath = new vscode.ThemeIcon('trash');
  item.description = trashText(runs);
  item.tooltip = vscode.l10n.t('Deleted runs. Each is kept for {0} days.', TRASH_DAYS);
  item.contextValue = 'trash';
  return item;
}

function trashedItem({ id, folder, deletedAt, bytes }: TrashedRun): vscode.TreeItem {
  const item = new vscode.TreeItem(visibleText(id));
  item.id = folder;
  item.iconPath = new vscode.ThemeIcon('circle-slash');
  item.description = formatBytes(bytes);
  item.tooltip = vscode.l10n.t('Deleted on {0}.', new Date(deletedAt).toLocaleString());
  item.contextValue = 'trashed';
  return item;
}

function queuedItem(
  node: Extract<ExperimentsNode, { kind: 'queued' }>,
  label: string,
  index: number,
  waitsForGpu: boolean,
): vscode.TreeItem {
  const item = runItem(node, label);
  item.id = `queue ${node.run.folder}`;
  const position = index === 0 ? vscode.l10n.t('next') : `${index + 1}`;
  item.description = waitsForGpu ? `${position} · ${waitingForGpuText()}` : position;
  return item;
}

function runItem(node: Extract<ExperimentsNode, { kind: 'run' | 'queued' }>, label: string): vscode.TreeItem {
  const run: KnownRun = node.run;
  const item = new vscode.TreeItem(visibleText(label));
  const study = node.kind === 'run' ? node.study : undefined;
  item.id = study === undefined ? run.folder : `${study} ${run.folder}`;
  const { status, description } = describe(run);
  item.description = visibleText(description);
  item.contextValue = `run.${status}`;
  switch (run.kind) {
    case 'run':
      item.iconPath = themeIcon(stateIcon(run.manifest.state));
      item.tooltip = tooltip(run.manifest.name, runFacts(run.manifest));
      item.command = {
        command: 'bagOfTricks.openDashboard',
        title: vscode.l10n.t('Open dashboard'),
        arguments: [node],
      };
      break;
    case 'broken':
      item.iconPath = themeIcon({ id: 'warning', color: 'list.warningForeground' });
      item.tooltip = visibleText(vscode.l10n.t('{0} cannot be read as a run. {1}', run.folder, run.reason));
      break;
    default:
      return assertNever(run);
  }
  return item;
}

function studyItem(node: Extract<ExperimentsNode, { kind: 'study' }>): vscode.TreeItem {
  const { label, description, context, icon, facts } = studyRow(node.study);
  const hasRuns = node.study.kind === 'study' && node.study.facts.runs.some(({ folder }) => folder !== null);
  const { Collapsed, None } = vscode.TreeItemCollapsibleState;
  const item = new vscode.TreeItem(visibleText(label), hasRuns ? Collapsed : None);
  item.id = `study ${studyFolderOf(node.study).folder} ${hasRuns ? 'with runs' : 'without runs'}`;
  item.description = visibleText(description);
  item.contextValue = context;
  item.iconPath = themeIcon(icon);
  item.tooltip = tooltip(label, facts);
  item.command = { command: 'bagOfTricks.openStudy', title: vscode.l10n.t('Open study'), arguments: [node] };
  return item;
}

function describe(run: KnownRun): { readonly status: string; readonly description: string } {
  return run.kind === 'run'
    ? { status: run.manifest.state.status, description: runDescription(run) }
    : { status: 'broken', description: run.reason };
}

function tooltip(
  name: string,
  facts: readonly { readonly label: string; readonly value: string }[],
): vscode.MarkdownString {
  const lines = facts.map(({ label, value }) => `- ${markdownText(`${label}: ${value}`)}`);
  return markdown([`**${markdownText(name)}**\n`, ...lines].join('\n'));
}

function themeIcon({ id, color }: Icon): vscode.ThemeIcon {
  return new vscode.ThemeIcon(id, color ? new vscode.ThemeColor(color) : undefined);
}
