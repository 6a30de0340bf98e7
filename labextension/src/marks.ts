/** The badges of one view of a notebook. */

import type { Cell } from '@jupyterlab/cells';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { Signal } from '@lumino/signaling';

import { type Badge, badgeOf, stagesOf } from './badge.js';
import { element } from './dag/element.js';
import type { Link } from './link.js';

const MARKED = 'pivot-marked';

interface Mark {
  node: HTMLElement;
  said: string;
}

/** The menu of a cell's badge is wanted. */
export interface Asked {
  cell: Cell;
  badge: Badge;
  node: HTMLElement;
}

/** Keeps the badge of each cell as the kernel and the cell's text say, through moves, splits and scrolling. */
export class Marks {
  private readonly marks = new WeakMap<Cell, Mark>();
  private readonly heard = new WeakSet<Cell>();
  private asked = 0;

  constructor(
    private readonly panel: NotebookPanel,
    private readonly link: Link,
    private readonly menu: (asked: Asked) => void
  ) {
    link.changed.connect(this.soon, this);
    panel.content.modelChanged.connect(this.listen, this);
    this.listen();
  }

  dispose(): void {
    Signal.clearData(this);
    cancelAnimationFrame(this.asked);
    if (this.panel.isDisposed) {
      return;
    }
    for (const cell of this.panel.content.widgets) {
      this.clear(cell);
    }
  }

  private readonly listen = (): void => {
    this.panel.content.model?.cells.changed.connect(this.soon, this);
    this.soon();
  };

  private readonly soon = (): void => {
    cancelAnimationFrame(this.asked);
    this.asked = requestAnimationFrame(() => {
      this.paint();
    });
  };

  private paint(): void {
    if (this.panel.isDisposed) {
      return;
    }
    const { snapshot } = this.link;
    const cells = new Map(snapshot?.cells.map(cell => [cell.cell, cell]));
    const stages = snapshot ? stagesOf(snapshot) : new Map<string, never>();
    for (const cell of this.panel.content.widgets) {
      if (cell.isDisposed || cell.model.type !== 'code') {
        continue;
      }
      if (!this.heard.has(cell)) {
        this.heard.add(cell);
        cell.model.contentChanged.connect(this.soon, this);
      }
      const text = cell.model.sharedModel.getSource();
      const badge = snapshot ? badgeOf(cells.get(cell.model.id), text, stages) : null;
      if (badge) {
        this.set(cell, badge);
      } else {
        this.clear(cell);
      }
    }
  }

  private set(cell: Cell, badge: Badge): void {
    const said = JSON.stringify(badge);
    const known = this.marks.get(cell);
    if (known?.said === said && known.node.parentNode === cell.node) {
      return;
    }
    // Enter on it is not Enter on the cell
    const node =
      known?.node ??
      element('button', {
        class: 'pivot-badge',
        type: 'button',
        'aria-haspopup': 'menu',
        'data-lm-suppress-shortcuts': 'true'
      });
    node.dataset.state = badge.state;
    node.dataset.kind = badge.kind;
    node.title = badge.full;
    node.setAttribute('aria-label', `Pivot: ${badge.full}`);
    node.replaceChildren(
      element('span', { class: 'pivot-icon', 'aria-hidden': 'true' }, badge.icon),
      element('span', { class: 'pivot-said' }, badge.text)
    );
    node.onclick = event => {
      this.menu({ cell, badge, node });
      event.stopPropagation();
    };
    if (node.parentNode !== cell.node) {
      cell.node.append(node);
      cell.addClass(MARKED);
    }
    this.marks.set(cell, { node, said });
  }

  private clear(cell: Cell): void {
    const known = this.marks.get(cell);
    if (known) {
      known.node.remove();
      cell.removeClass(MARKED);
      this.marks.delete(cell);
    }
  }
}
