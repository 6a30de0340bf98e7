/** The details of one stage beside the picture. */

import type { Detail, StageView } from '../protocol.js';
import { type Actions, button, coloured, emptyLog, head, LOG, type Order, orders, sections } from './detail.js';
import { element } from './element.js';

/** Of a log that is read near its end the end stays in view; in pixels. */
const NEAR = 24;

interface Calls {
  actions: Actions;
  /** Something was refused. */
  complain: (error: unknown) => void;
  close: () => void;
  /** Shows a group as one box again. */
  fold: (group: string) => void;
}

/** Shows a stage, and stays as it is, focus and scrolling included, while its state changes. */
export class Pane {
  readonly node = element('aside', { class: 'pivot-pane' });
  private readonly title = element('h3');
  private state: HTMLElement = element('p');
  private readonly row = element('div', { class: 'pivot-buttons' });
  private readonly body = element('div', { class: 'pivot-parts' });
  private stage: StageView | null = null;
  private asked = 0;
  /** The part of the details that is to come into view. */
  private wanted = '';

  constructor(private readonly calls: Calls) {
    const close = button('×', 'Close', () => {
      calls.close();
    });
    close.classList.add('pivot-sign');
    close.setAttribute('aria-label', 'Close');
    this.node.append(element('header', {}, this.title, close), this.state, this.row, this.body);
    this.node.hidden = true;
  }

  /** Shows a stage, or what changed of it; with `null` nothing. */
  show(stage: StageView | null, going: boolean): void {
    const before = this.stage;
    this.stage = stage;
    this.node.hidden = stage === null;
    if (stage === null) {
      this.body.replaceChildren();
      return;
    }
    if (before?.name !== stage.name) {
      this.title.textContent = stage.name;
      this.node.setAttribute('aria-label', `Stage ${stage.name}`);
      this.node.scrollTop = 0;
      this.body.replaceChildren();
    }
    const state = head(stage);
    this.state.replaceWith(state);
    this.state = state;
    this.offer(orders(stage, going, this.calls.actions), stage);
    if (before?.name !== stage.name || before.state !== stage.state || before.reason !== stage.reason) {
      void this.fill(stage.name);
    }
  }

  /** Brings a part of the details into view as soon as it is there. */
  reveal(part: string): void {
    this.wanted = part;
    const section = part === '' ? null : this.section(part);
    if (section) {
      section.scrollIntoView({ block: 'start' });
      this.wanted = '';
    }
  }

  /** The end of what a running stage wrote so far. */
  log(stage: string, text: string): void {
    if (this.stage?.name !== stage) {
      return;
    }
    let section = this.section(LOG);
    if (section === null) {
      section = emptyLog();
      this.body.prepend(section);
    }
    const pre = section.querySelector('pre');
    if (pre) {
      const follows = atEnd(pre);
      pre.innerHTML = coloured(text);
      if (follows) {
        pre.scrollTop = pre.scrollHeight;
      }
    }
  }

  /** Buttons that stay keep the focus. */
  private offer(wanted: Order[], stage: StageView): void {
    const made = wanted.map(({ label, title, give }) =>
      button(label, title, () => {
        give().catch(this.calls.complain);
      })
    );
    if (stage.name !== stage.group) {
      const { group } = stage;
      made.push(
        button('Fold', `Show ${group} as one box`, () => {
          this.calls.fold(group);
        })
      );
    }
    const same = this.row.dataset.stage === stage.name && this.row.textContent === made.map(one => one.textContent).join('');
    if (!same) {
      const focused = this.row.contains(this.row.ownerDocument.activeElement);
      this.row.dataset.stage = stage.name;
      this.row.replaceChildren(...made);
      if (focused) {
        made[0]?.focus();
      }
    }
  }

  private async fill(stage: string): Promise<void> {
    const { ask } = this.calls.actions;
    if (!ask) {
      return;
    }
    this.asked += 1;
    const asked = this.asked;
    if (this.body.childElementCount === 0) {
      this.body.append(element('p', { class: 'pivot-waiting' }, 'Waiting for the kernel…'));
    }
    const found = await answer(ask(stage));
    if (asked === this.asked && this.stage?.name === stage) {
      this.lay(found);
    }
  }

  /** Puts sections in place of those that differ. */
  private lay(found: HTMLElement[]): void {
    const pre = this.section(LOG)?.querySelector('pre');
    const follows = pre ? atEnd(pre) : true;
    const offset = pre?.scrollTop ?? 0;
    const wanted = found.map(next => {
      const known = next.dataset.part === undefined ? null : this.section(next.dataset.part);
      return known?.isEqualNode(next) ? known : next;
    });
    for (const old of [...this.body.children]) {
      if (!wanted.includes(old as HTMLElement)) {
        old.remove();
      }
    }
    wanted.forEach((next, index) => {
      const there = this.body.children[index] ?? null;
      if (there !== next) {
        this.body.insertBefore(next, there);
      }
    });
    const log = this.section(LOG)?.querySelector('pre');
    if (log && log !== pre) {
      log.scrollTop = follows ? log.scrollHeight : offset;
    }
    this.reveal(this.wanted);
  }

  private section(part: string): HTMLElement | null {
    return [...this.body.querySelectorAll('section')].find(one => one.dataset.part === part) ?? null;
  }
}

function atEnd(node: HTMLElement): boolean {
  return node.scrollHeight - node.scrollTop - node.clientHeight < NEAR;
}

async function answer(asked: Promise<Detail>): Promise<HTMLElement[]> {
  try {
    return sections(await asked);
  } catch (error) {
    return [element('section', { class: 'pivot-problem' }, error instanceof Error ? error.message : String(error))];
  }
}
