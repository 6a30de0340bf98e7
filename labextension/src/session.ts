/** The notebooks that are open: for each its wire to the kernel and its badges. */

import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { type ISignal, Signal } from '@lumino/signaling';

import { type Halt, Link } from './link.js';
import { type Asked, Marks } from './marks.js';

type OpenMenu = (notebook: NotebookPanel, asked: Asked) => void;

/** One `Link` for each kernel session, however many views a notebook has. */
export class Sessions {
  private readonly links = new Map<NotebookPanel, Link>();
  private readonly marks = new Map<NotebookPanel, Marks>();
  private readonly signal = new Signal<this, void>(this);
  private badges = true;

  constructor(
    private readonly tracker: INotebookTracker,
    private readonly version: string,
    private readonly menu: OpenMenu,
    private readonly halt: Halt
  ) {
    tracker.forEach(panel => {
      this.add(panel);
    });
    tracker.widgetAdded.connect((_, panel) => {
      this.add(panel);
    });
    tracker.currentChanged.connect(() => {
      this.signal.emit();
    });
  }

  /** Another notebook is in front, or what is known of the one in front changed. */
  get changed(): ISignal<this, void> {
    return this.signal;
  }

  /** The wire of the notebook in front. */
  get current(): { notebook: NotebookPanel; link: Link } | null {
    const notebook = this.tracker.currentWidget;
    const link = notebook ? this.links.get(notebook) : undefined;
    return notebook && link ? { notebook, link } : null;
  }

  /** The badge of the active cell of the notebook in front. */
  get activeBadge(): HTMLElement | null {
    return this.current?.notebook.content.activeCell?.node.querySelector<HTMLElement>(':scope > .pivot-badge') ?? null;
  }

  /** The stages that the active cell defines. */
  get activeStages(): string[] {
    const { current } = this;
    const id = current?.notebook.content.activeCell?.model.id;
    return current?.link.snapshot?.cells.find(({ cell }) => cell === id)?.stages ?? [];
  }

  /** The notebook that an element is in, with its wire. */
  around(node: HTMLElement): { notebook: NotebookPanel; link: Link } | null {
    for (const [notebook, link] of this.links) {
      if (notebook.node.contains(node)) {
        return { notebook, link };
      }
    }
    return null;
  }

  /** Shows badges, or takes them away. */
  showBadges(shown: boolean): void {
    this.badges = shown;
    for (const panel of this.links.keys()) {
      this.mark(panel);
    }
  }

  private add(panel: NotebookPanel): void {
    const link = this.linkOf(panel);
    this.links.set(panel, link);
    void panel.context.ready.then(() => {
      this.mark(panel);
      this.signal.emit();
    });
    panel.disposed.connect(() => {
      this.marks.get(panel)?.dispose();
      this.marks.delete(panel);
      this.links.delete(panel);
      if (![...this.links.values()].includes(link)) {
        link.dispose();
      }
      this.signal.emit();
    });
  }

  private linkOf(panel: NotebookPanel): Link {
    for (const link of this.links.values()) {
      if (link.session === panel.sessionContext) {
        return link;
      }
    }
    const made = new Link(panel.sessionContext, this.version, this.halt);
    made.changed.connect(() => {
      if (this.current?.link === made) {
        this.signal.emit();
      }
    });
    return made;
  }

  private mark(panel: NotebookPanel): void {
    const link = this.links.get(panel);
    this.marks.get(panel)?.dispose();
    this.marks.delete(panel);
    if (this.badges && link && !panel.isDisposed) {
      const menu = (asked: Asked): void => {
        this.menu(panel, asked);
      };
      this.marks.set(panel, new Marks(panel, link, menu));
    }
  }
}
