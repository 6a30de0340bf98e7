/** What is told below the graph: parts that are loaded when somebody opens them. */

import { element } from './dag/element.js';

/** Gives what a part shows of the project that a folder is in. */
export type Load = (path: string) => Promise<HTMLElement[]>;

/** One part, closed at first. */
export class Section {
  readonly node: HTMLDetailsElement;
  private readonly body = element('div', { class: 'pivot-section-body' });
  private path: string | null = null;
  private asked = 0;
  private stale = true;

  constructor(
    title: string,
    private readonly load: Load
  ) {
    this.node = element('details', { class: 'pivot-section' }, element('summary', {}, title), this.body);
    this.node.dataset.section = title;
    this.node.addEventListener('toggle', () => {
      this.fill();
    });
  }

  /** Tells of the project of another folder. */
  look(path: string): void {
    if (path !== this.path) {
      this.path = path;
      this.body.replaceChildren();
      this.refresh();
    }
  }

  /** What is shown may be another thing now. */
  refresh(): void {
    this.stale = true;
    this.fill();
  }

  private fill(): void {
    if (this.node.open && this.stale && this.path !== null) {
      this.stale = false;
      void this.show(this.path);
    }
  }

  private async show(path: string): Promise<void> {
    this.asked += 1;
    const number = this.asked;
    this.body.setAttribute('aria-busy', 'true');
    if (this.body.childElementCount === 0) {
      this.body.append(note('Loading …'));
    }
    const found = await this.load(path).catch((error: unknown) => [problem(error)]);
    if (number === this.asked) {
      this.body.removeAttribute('aria-busy');
      this.body.replaceChildren(...found);
    }
  }
}

export function note(text: string): HTMLElement {
  return element('p', { class: 'pivot-note' }, text);
}

export function problem(error: unknown): HTMLElement {
  return element('p', { class: 'pivot-problem' }, error instanceof Error ? error.message : String(error));
}

/** A table with a head; the first cell of a row is its name, the others are texts or numbers. */
export function grid(head: string[], rows: (string | Node)[][], numbers = false): HTMLElement {
  const kind: Record<string, string> = numbers ? { class: 'pivot-number' } : {};
  const cells = (row: (string | Node)[]): HTMLElement[] =>
    row.map((cell, index) => element(index === 0 ? 'th' : 'td', index === 0 ? { scope: 'row' } : kind, cell));
  return element(
    'table',
    { class: 'pivot-grid' },
    element('thead', {}, element('tr', {}, ...head.map((title, index) => element('th', { scope: 'col', ...(index > 0 ? kind : {}) }, title)))),
    element('tbody', {}, ...rows.map(row => element('tr', {}, ...cells(row))))
  );
}
