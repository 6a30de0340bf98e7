/** The left sidebar: the graph of the notebook in front or of the folder that is looked at, and what was before. */

import type { NotebookPanel } from '@jupyterlab/notebook';
import { Widget } from '@lumino/widgets';

import { actionsOf } from './actions.js';
import { type Actions, button } from './dag/detail.js';
import { element } from './dag/element.js';
import { DagView } from './dag/view.js';
import type { Link } from './link.js';
import type { Project } from './project.js';
import type { Change, Snapshot } from './protocol.js';
import type { Section } from './sections.js';

/** What the panel shows: a notebook and its wire. */
export interface Shown {
  notebook: NotebookPanel;
  link: Link;
}

/** Where the graph comes from. */
type Source = Link | Project;

export class PipelinePanel extends Widget {
  private view: DagView | null = null;
  private source: Source | null = null;
  private shown: Shown | null = null;
  private folder = '';
  private going = false;
  private stale = true;
  private readonly name = element('span', { class: 'pivot-name' });
  private readonly again = button('↻', 'Look again', () => {
    this.refresh();
  });
  private readonly head = element('header', { class: 'pivot-project' }, this.name, this.again);
  private readonly hint = element('p', { class: 'pivot-hint' });
  private readonly allow = button('Show the pipeline', 'Look at the stages of this project', () => {
    void this.project.allow();
  });
  private readonly below: HTMLElement;

  constructor(
    private readonly project: Project,
    private readonly sections: Section[],
    private readonly goTo: (shown: Shown, stage: string) => void
  ) {
    super();
    this.id = 'pivot-panel';
    this.addClass('pivot-panel');
    this.title.caption = 'Pipeline';
    this.again.setAttribute('aria-label', 'Look again');
    this.below = element('div', { class: 'pivot-sections' }, ...sections.map(({ node }) => node));
    this.node.append(this.head, this.hint, this.allow, this.below);
    project.changed.connect(this.heard);
    window.addEventListener('focus', this.focused);
  }

  /** Shows the pipeline of a notebook; without one, that of the folder. */
  look(shown: Shown | null): void {
    if (shown?.link !== this.shown?.link) {
      this.shown?.link.changed.disconnect(this.heard);
      this.shown = shown;
      shown?.link.changed.connect(this.heard);
      this.refresh();
    }
    this.paint(null);
  }

  /** The file browser shows another folder. */
  browse(folder: string): void {
    this.folder = folder;
    this.refresh();
  }

  /** Which sections are there. */
  arrange(wanted: string[]): void {
    for (const { node } of this.sections) {
      node.hidden = !wanted.includes(node.dataset.section ?? '');
    }
  }

  /** Opens the details of a stage, at a part of them. */
  select(stage: string, part = ''): void {
    this.view?.select(stage, part);
  }

  /** What a command acts on where no notebook with a pipeline is in front. */
  get folderProject(): Project | null {
    return this.source === this.project ? this.project : null;
  }

  override dispose(): void {
    this.look(null);
    this.project.changed.disconnect(this.heard);
    window.removeEventListener('focus', this.focused);
    this.view?.dispose();
    super.dispose();
  }

  protected override onAfterShow(): void {
    if (this.stale) {
      this.refresh();
    }
  }

  private readonly focused = (): void => {
    this.refresh();
  };

  /** Looks again, now or when somebody sees it; what a kernel tells needs no asking. */
  private refresh(): void {
    this.stale = !this.isVisible;
    if (this.stale) {
      return;
    }
    if (!hasPipeline(this.shown?.link.snapshot)) {
      void this.project.look(this.folder);
    }
    for (const section of this.sections) {
      section.refresh();
    }
  }

  private readonly heard = (sender: Source, change: Change | null): void => {
    if (sender === this.current()) {
      this.paint(change);
    } else if (sender === this.project) {
      this.paint(null);
    }
  };

  /** A notebook's pipeline, else that of the folder, else whatever the notebook has to say. */
  private current(): Source {
    const link = this.shown?.link;
    if (link && hasPipeline(link.snapshot)) {
      return link;
    }
    return this.project.defined || !link?.snapshot ? this.project : link;
  }

  private paint(change: Change | null): void {
    const source = this.current();
    const { snapshot } = source;
    if (source !== this.source || snapshot === null) {
      this.view?.dispose();
      this.view = null;
      this.going = false;
    }
    const turned = source !== this.source && source === this.project;
    this.source = source;
    this.tell(snapshot);
    if (turned) {
      this.refresh(); // the notebook has none any more: what is known of the folder may be old
    }
    if (snapshot === null) {
      return;
    }
    if (this.view === null) {
      this.view = new DagView(this.actions(source));
      this.node.insertBefore(this.view.node, this.below);
      this.view.show(snapshot);
    } else if (change) {
      this.view.change(change);
    } else {
      this.view.show(snapshot);
    }
    const going = snapshot.run?.going ?? false;
    if (this.going && !going) {
      for (const section of this.sections) {
        section.refresh();
      }
    }
    this.going = going;
  }

  private actions(source: Source): Actions {
    const { shown } = this;
    if (source === this.project || shown === null) {
      return this.project.actions;
    }
    return actionsOf(shown.link, stage => {
      this.goTo(shown, stage);
    });
  }

  /** The words above the graph, and the project that the sections below are about. */
  private tell(snapshot: Snapshot | null): void {
    const { project, shown } = this;
    const { answer } = project;
    const ours = this.source === project;
    const fresh = ours && (answer?.fresh ?? false);
    this.head.hidden = !ours || !project.defined;
    this.name.textContent = answer?.title ?? '';
    this.name.title = [`${answer?.project ?? ''}/`, answer?.python ?? '', ...(answer?.notices ?? [])].join('\n');
    this.head.setAttribute('aria-busy', String(project.busy));
    this.allow.hidden = !fresh;
    const hint = fresh ? FRESH : snapshot === null ? this.missing() : '';
    this.hint.textContent = hint;
    this.hint.hidden = hint === '';
    const path = !ours && shown ? folderOf(shown) : shown && !project.defined ? folderOf(shown) : answer?.project;
    this.below.hidden = fresh || path === null || path === undefined;
    if (path !== null && path !== undefined && !fresh && this.isVisible) {
      for (const section of this.sections) {
        section.look(path);
      }
    }
  }

  private missing(): string {
    const { project, shown } = this;
    if (shown && shown.link.missing !== 'no kernel' && shown.link.missing !== null) {
      return HINTS[shown.link.missing];
    }
    if (project.answer === null) {
      return project.busy ? 'Looking …' : '';
    }
    return project.problem === '' ? HINTS['no kernel'] : project.problem;
  }
}

function hasPipeline(snapshot: Snapshot | null | undefined): boolean {
  return Boolean(snapshot && (snapshot.stages.length > 0 || snapshot.problem !== ''));
}

function folderOf({ notebook }: Shown): string {
  return notebook.context.localPath.split('/').slice(0, -1).join('/');
}

const FRESH =
  'Pivot was never used in this project. To show its pipeline, Python code of the project is run: do so only if you trust it.';

const HINTS = {
  'no kernel':
    'Open a notebook with a pipeline, or a folder with a pivot.yaml in the file browser: its stages are shown here.',
  'not loaded': 'This notebook has not loaded Pivot yet. Run a cell with\n%load_ext pivot_jupyter',
  restarted: 'The kernel was restarted. Run the cells again: what has not changed comes from the cache.',
  died: 'The kernel has died. Run the cells again when it is back: what had run to its end comes from the cache.',
  'other version':
    'The kernel has another version of Pivot than JupyterLab. Install the same one in both environments, then restart the kernel and reload this page.'
};
