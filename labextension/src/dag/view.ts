/** The live graph of a pipeline: one module for the notebook's widget and for the panel of JupyterLab. */

import type { Change, Detail, RunView, Snapshot, StageView } from '../protocol.js';
import { type Actions, button } from './detail.js';
import { element } from './element.js';
import { Figure } from './figure.js';
import { type Box, foldable } from './fold.js';
import { Pane } from './pane.js';

/** Shows a pipeline in an element of the page, until it is disposed of. */
export class DagView {
  readonly node: HTMLElement;
  private readonly figure: Figure;
  private readonly summary = element('span', { class: 'pivot-summary' });
  private readonly spoken = element('span', { class: 'pivot-spoken', role: 'status', 'aria-live': 'polite' });
  private readonly problem = element('p', { class: 'pivot-problem' });
  private readonly refused = element('p', { class: 'pivot-problem', role: 'alert' });
  private readonly nothing = element('p', { class: 'pivot-nothing' }, NOTHING);
  private readonly pane: Pane;
  private readonly run: HTMLButtonElement;
  private readonly stop: HTMLButtonElement;
  private stages = new Map<string, StageView>();
  private edges: Snapshot['edges'] = [];
  private shape = '';
  private going = false;
  /** Groups that a person opened or closed; all others follow the rule. */
  private readonly opened = new Set<string>();
  private readonly closed = new Set<string>();
  private selected: string | null = null;
  private readonly unfollow: () => void;

  /** Of several views of one pipeline one says aloud that a run is over. */
  constructor(
    private readonly actions: Actions,
    private readonly speaks = true
  ) {
    this.figure = new Figure(
      chosen => {
        this.choose(chosen);
      },
      () => {
        this.draw();
      }
    );
    this.pane = new Pane({
      actions,
      complain: this.complain,
      close: () => {
        this.leave();
      },
      fold: group => {
        this.fold(group);
      }
    });
    this.run = button('▶ Run', 'Run what has changed', () => {
      this.give(actions.start?.([], { force: false, single: false }));
    });
    this.stop = button('■ Stop', 'Stop the run', () => {
      this.give(actions.stop?.([]));
    });
    const body = element('div', { class: 'pivot-body' }, this.figure.canvas.node, this.pane.node);
    // JupyterLab takes keys before the page does, unless it is told not to
    this.node = element(
      'div',
      { class: 'pivot-dag', 'data-lm-suppress-shortcuts': 'true' },
      this.tools(),
      this.problem,
      this.refused,
      this.nothing,
      body,
      this.spoken
    );
    this.node.addEventListener('keydown', this.keys);
    this.refused.hidden = true;
    this.tell('', '');
    this.unfollow =
      actions.follow?.(({ stage, log }) => {
        this.pane.log(stage, log);
      }) ?? (() => undefined);
  }

  dispose(): void {
    this.unfollow();
    this.figure.dispose();
    this.node.remove();
  }

  /** Shows a state of the pipeline; the picture is drawn anew only if the graph is another one. */
  show(snapshot: Snapshot): void {
    this.stages = new Map(snapshot.stages.map(stage => [stage.name, stage]));
    this.edges = snapshot.edges;
    const shape = JSON.stringify([snapshot.stages.map(({ name, group }) => [name, group]), snapshot.edges]);
    if (shape === this.shape) {
      this.figure.repaint(snapshot.stages);
    } else {
      this.shape = shape;
      this.draw();
    }
    this.turn(snapshot.run);
    this.tell(snapshot.summary, snapshot.problem);
    this.refresh();
  }

  /** Takes over the states that changed. */
  change(change: Change): void {
    for (const stage of change.stages) {
      this.stages.set(stage.name, stage);
    }
    this.figure.repaint(change.stages);
    this.turn(change.run);
    this.tell(change.summary, this.going ? '' : this.problem.textContent);
    this.refresh();
  }

  /** The end of what a running stage wrote so far. */
  log(stage: string, text: string): void {
    this.pane.log(stage, text);
  }

  /** Opens the details of a stage; `part` of them comes into view. */
  select(stage: string | null, part = ''): void {
    this.selected = stage;
    this.refresh();
    this.figure.select(this.selected);
    if (this.selected !== null) {
      this.figure.reveal(this.selected); // the pane takes room
    }
    this.pane.reveal(part);
  }

  private tools(): HTMLElement {
    const { canvas } = this.figure;
    return element(
      'div',
      { class: 'pivot-tools', role: 'toolbar', 'aria-label': 'Pipeline' },
      ...(this.actions.start ? [this.run] : []),
      ...(this.actions.stop ? [this.stop] : []),
      this.summary,
      element(
        'span',
        { class: 'pivot-signs' },
        sign('−', 'Smaller', () => {
          canvas.zoom(false);
        }),
        sign('+', 'Larger', () => {
          canvas.zoom(true);
        }),
        sign('⤢', 'Show all', () => {
          canvas.showAll();
        })
      )
    );
  }

  private draw(): void {
    const stages = [...this.stages.values()];
    const folded = foldable(stages);
    const closed = new Set([...folded, ...this.closed].filter(group => !this.opened.has(group)));
    this.figure.draw(stages, this.edges, closed);
    // what is not bound to a height is as high as its picture
    this.node.style.setProperty('--pivot-height', `${this.figure.height}px`);
  }

  private choose(chosen: Box): void {
    if (chosen.stages.length > 1) {
      this.closed.delete(chosen.id);
      this.opened.add(chosen.id);
      this.draw();
      const [first] = chosen.stages;
      if (first) {
        this.figure.focus(first.name);
      }
    } else {
      this.select(this.selected === chosen.id ? null : chosen.id);
    }
  }

  private fold(group: string): void {
    this.opened.delete(group);
    this.closed.add(group);
    this.select(null);
    this.draw();
    this.figure.focus(group);
  }

  private give(order: Promise<unknown> | undefined): void {
    this.refused.hidden = true;
    order?.catch(this.complain);
  }

  private readonly complain = (error: unknown): void => {
    this.refused.textContent = error instanceof Error ? error.message : String(error);
    this.refused.hidden = false;
  };

  private turn(run: RunView | null): void {
    const going = run?.going ?? false;
    if (this.going && !going) {
      this.spoken.textContent = this.speaks ? `The run is over: ${run?.summary ?? ''}` : '';
    } else if (!this.going && going) {
      this.refused.hidden = true;
    }
    this.going = going;
    this.run.disabled = going;
    this.stop.hidden = !going;
  }

  private tell(summary: string, problem: string): void {
    this.summary.textContent = summary;
    this.problem.textContent = problem;
    this.problem.hidden = problem === '';
    this.nothing.hidden = problem !== '' || this.stages.size > 0;
    const count = this.stages.size;
    const told = [`Pipeline of ${count} stage${count === 1 ? '' : 's'}`, summary, 'arrow keys walk along it'];
    this.figure.canvas.plane.setAttribute('aria-label', told.filter(Boolean).join('; '));
  }

  private refresh(): void {
    const stage = this.selected === null ? null : (this.stages.get(this.selected) ?? null);
    if (stage === null) {
      this.selected = null;
    }
    this.node.classList.toggle('pivot-open', stage !== null);
    this.pane.show(stage, this.going);
  }

  /** Closes the details; the keyboard goes back to the box. */
  private leave(): void {
    const { selected } = this;
    this.select(null);
    if (selected !== null) {
      this.figure.focus(selected);
    }
  }

  private readonly keys = (event: KeyboardEvent): void => {
    if (event.key === 'Escape' && this.selected !== null) {
      event.preventDefault();
      event.stopPropagation();
      this.leave();
    }
  };
}

const NOTHING = 'No stage is defined yet: head a cell %%pivot_stage, run it, and it is shown here.';

function sign(label: string, title: string, press: () => void): HTMLButtonElement {
  const made = button(label, title, press);
  made.classList.add('pivot-sign');
  made.setAttribute('aria-label', title);
  return made;
}

export type { Actions, Detail };
