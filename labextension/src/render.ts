/** The graph in the output of a cell: as it was saved, and alive where the notebook's kernel can be heard. */

import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Widget } from '@lumino/widgets';

import { DagView } from './dag/view.js';
import { actionsOf } from './actions.js';
import type { Link } from './link.js';
import type { Change, Snapshot } from './protocol.js';

export const MIME = 'application/vnd.pivot.dag.v1+json';

type Finder = (node: HTMLElement) => { link: Link; show: (stage: string) => void } | null;

/** Draws what a cell shows; `find` gives the wire of the notebook that an element is in. */
export function rendererFactory(find: Finder): IRenderMime.IRendererFactory {
  return {
    safe: true,
    mimeTypes: [MIME],
    defaultRank: 40, // before text/html, which has 50
    createRenderer: () => new Output(find)
  };
}

class Output extends Widget implements IRenderMime.IRenderer {
  private saved: Snapshot | null = null;
  private view: DagView | null = null;
  private link: Link | null = null;

  constructor(private readonly find: Finder) {
    super();
    this.addClass('pivot-output');
  }

  renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    this.saved = model.data[MIME] as unknown as Snapshot;
    this.paint();
    return Promise.resolve();
  }

  override dispose(): void {
    this.leave();
    super.dispose();
  }

  protected override onAfterAttach(): void {
    this.paint();
  }

  protected override onBeforeDetach(): void {
    this.leave();
  }

  private leave(): void {
    this.link?.changed.disconnect(this.refresh);
    this.link = null;
    this.view?.dispose();
    this.view = null;
  }

  private paint(): void {
    if (!this.isAttached || this.saved === null) {
      return;
    }
    if (this.view === null) {
      const found = this.find(this.node);
      this.link = found?.link ?? null;
      this.link?.changed.connect(this.refresh);
      this.view = new DagView(found ? actionsOf(found.link, found.show) : {}, false); // the panel speaks
      this.node.append(this.view.node);
    }
    this.view.show(this.link?.snapshot ?? this.saved);
  }

  private readonly refresh = (_: Link, change: Change | null): void => {
    if (change && this.view) {
      this.view.change(change);
    } else {
      this.paint();
    }
  };
}
