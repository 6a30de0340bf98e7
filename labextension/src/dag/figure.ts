/** The picture of a pipeline: boxes, wires, and the ways to and from the box that is pointed at. */

import type { Edge, StageView } from '../protocol.js';
import { Canvas } from './canvas.js';
import { drawn, element } from './element.js';
import { type Box, box, fold } from './fold.js';
import { boxSize, type Layout, layout, smooth } from './layout.js';
import { countOf, progressOf, shareOf } from './progress.js';
import { edgesBy, waysOf } from './ways.js';

/** So many wires are drawn faintly, but for those of the box that is pointed at. */
const MANY_WIRES = 200;

/** In letters: of a name longer than this, so many at the end are always seen. */
const LONG = 22;
const ENDING = 10;

interface Drawn {
  box: Box;
  node: HTMLButtonElement;
  icon: HTMLElement;
  phrase: HTMLElement;
  bar: HTMLElement;
}

/** Draws a graph once, and repaints only the boxes whose state changes. */
export class Figure {
  readonly canvas: Canvas;
  private readonly boxes = new Map<string, Drawn>();
  private readonly homes = new Map<string, string>();
  private readonly wires = new Map<Edge, SVGPathElement>();
  private edges: Edge[] = [];
  private places: Layout = {
    width: 0,
    height: 0,
    downward: false,
    boxes: new Map(),
    wires: [],
    ranks: []
  };
  private lit: ReadonlySet<Element> = new Set();
  private selected: string | null = null;
  private entry: string | null = null;

  /** `chosen` hears of a box that was pressed; `turned` of a frame in which ranks are to go another way. */
  constructor(
    private readonly chosen: (box: Box) => void,
    turned: () => void
  ) {
    this.canvas = new Canvas(turned);
    this.canvas.plane.setAttribute('role', 'group');
    this.canvas.plane.setAttribute('aria-roledescription', 'graph');
    this.canvas.plane.addEventListener('keydown', this.walk);
  }

  /** Of the whole picture, in pixels. */
  get height(): number {
    return this.places.height;
  }

  dispose(): void {
    this.canvas.dispose();
  }

  /** Draws a graph anew. */
  draw(stages: StageView[], edges: Edge[], closed: ReadonlySet<string>): void {
    const folded = fold(stages, edges, closed);
    this.edges = folded.edges;
    this.places = layout(
      folded.boxes.map(({ id }) => id),
      folded.edges,
      this.canvas.narrow
    );
    const focused = this.focused();
    this.boxes.clear();
    this.homes.clear();
    this.wires.clear();
    this.light(null);
    const { width, height } = this.places;
    const svg = drawn('svg', { class: 'pivot-wires', width: `${width}`, height: `${height}`, 'aria-hidden': 'true' });
    for (const { edge, points } of this.places.wires) {
      const path = drawn('path', { class: 'pivot-wire', d: smooth(points, this.places.downward) });
      this.wires.set(edge, path);
      svg.append(path);
    }
    this.canvas.plane.replaceChildren(svg);
    const known = new Map(folded.boxes.map(own => [own.id, own]));
    for (const id of this.places.ranks.flat()) {
      const own = known.get(id);
      if (own) {
        this.add(own);
      }
    }
    this.describe();
    this.canvas.resize(width, height, this.places.boxes.get(this.middle()) ?? { x: 0, y: 0 });
    this.canvas.plane.classList.toggle('pivot-many', this.wires.size > MANY_WIRES);
    this.enterAt(focused !== null && this.boxes.has(focused) ? focused : (this.places.ranks[0]?.[0] ?? null));
    this.select(this.selected);
    if (focused !== null) {
      this.boxes.get(focused)?.node.focus({ preventScroll: true });
    }
  }

  /** Repaints stages that are drawn already. */
  repaint(stages: StageView[]): void {
    const changed = new Map<string, Map<string, StageView>>();
    for (const stage of stages) {
      const home = this.homes.get(stage.name);
      if (home !== undefined) {
        changed.set(home, (changed.get(home) ?? new Map<string, StageView>()).set(stage.name, stage));
      }
    }
    for (const [id, members] of changed) {
      const known = this.boxes.get(id);
      if (known) {
        known.box = box(
          id,
          known.box.stages.map(stage => members.get(stage.name) ?? stage)
        );
        paint(known);
      }
    }
  }

  /** Marks a box as the one whose details are shown. */
  select(id: string | null): void {
    this.selected = id;
    for (const [name, { node }] of this.boxes) {
      node.setAttribute('aria-pressed', String(name === id));
    }
  }

  /** Puts the keyboard's focus on a box. */
  focus(id: string): void {
    const known = this.boxes.get(id);
    if (known) {
      this.enterAt(id);
      known.node.focus({ preventScroll: true });
      this.reveal(id);
    }
  }

  /** Moves the picture until a box is in view. */
  reveal(id: string): void {
    const place = this.places.boxes.get(id);
    if (place) {
      const { width, height } = boxSize(this.places.downward);
      this.canvas.reveal(place.x, place.y, width, height);
    }
  }

  private add(own: Box): void {
    const place = this.places.boxes.get(own.id) ?? { x: 0, y: 0 };
    const icon = element('span', { class: 'pivot-icon', 'aria-hidden': 'true' });
    const phrase = element('span', { class: 'pivot-phrase' });
    const bar = element('span', { class: 'pivot-bar', 'aria-hidden': 'true' });
    const node = element(
      'button',
      { class: 'pivot-box', type: 'button', tabindex: '-1', 'data-folded': String(own.stages.length > 1) },
      icon,
      titleOf(own.title),
      phrase,
      bar
    );
    node.style.left = `${place.x}px`;
    node.style.top = `${place.y}px`;
    const { width, height } = boxSize(this.places.downward);
    node.style.width = `${width}px`;
    node.style.height = `${height}px`;
    node.dataset.stage = own.id;
    const known = { box: own, node, icon, phrase, bar };
    node.addEventListener('click', () => {
      this.enterAt(own.id);
      this.chosen(known.box);
    });
    node.addEventListener('pointerenter', () => { this.light(own.id); });
    node.addEventListener('pointerleave', () => { this.light(null); });
    node.addEventListener('focus', () => { this.light(node.matches(':focus-visible') ? own.id : null); });
    node.addEventListener('blur', () => { this.light(null); });
    this.boxes.set(own.id, known);
    for (const { name } of own.stages) {
      this.homes.set(name, own.id);
    }
    paint(known);
    this.canvas.plane.append(node);
  }

  /** Says of each box what comes before and after it, to those who cannot see the wires. */
  private describe(): void {
    const into = edgesBy('downstream', this.edges);
    const outOf = edgesBy('upstream', this.edges);
    for (const [id, { node, box: own }] of this.boxes) {
      const before = into.get(id)?.map(edge => edge.upstream) ?? [];
      const after = outOf.get(id)?.map(edge => edge.downstream) ?? [];
      const told = [
        own.stages.length > 1 ? 'Enter shows each of them' : '',
        before.length > 0 ? `after ${some(before)}` : '',
        after.length > 0 ? `before ${some(after)}` : ''
      ];
      node.setAttribute('aria-description', told.filter(Boolean).join('; '));
    }
  }

  private light(id: string | null): void {
    const ways = id === null ? null : waysOf(id, this.edges);
    this.canvas.plane.classList.toggle('pivot-lit', ways !== null);
    const now = new Set<Element>();
    for (const name of ways?.boxes ?? []) {
      now.add(this.boxes.get(name)?.node ?? this.canvas.plane);
    }
    for (const edge of ways?.edges ?? []) {
      now.add(this.wires.get(edge) ?? this.canvas.plane);
    }
    now.delete(this.canvas.plane);
    for (const node of this.lit) {
      node.classList.toggle('pivot-on-way', now.has(node));
    }
    for (const node of now) {
      node.classList.add('pivot-on-way');
    }
    this.lit = now;
  }

  /** The box in the middle of the first rank. */
  private middle(): string {
    const first = this.places.ranks[0] ?? [];
    return first[Math.floor(first.length / 2)] ?? '';
  }

  private focused(): string | null {
    const active = this.canvas.plane.ownerDocument.activeElement;
    return active instanceof HTMLElement && this.canvas.plane.contains(active)
      ? (active.dataset.stage ?? null)
      : null;
  }

  /** The box that the tab key comes to. */
  private enterAt(id: string | null): void {
    if (this.entry !== null) {
      this.boxes.get(this.entry)?.node.setAttribute('tabindex', '-1');
    }
    this.entry = id;
    if (id !== null) {
      this.boxes.get(id)?.node.setAttribute('tabindex', '0');
    }
  }

  private readonly walk = (event: KeyboardEvent): void => {
    const at = this.focused();
    if (at === null || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const next = this.neighbour(at, event.key);
    if (next !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      this.focus(next);
    }
  };

  private neighbour(id: string, key: string): string | undefined {
    const rank = this.places.ranks.find(ids => ids.includes(id)) ?? [];
    const keys = this.places.downward
      ? ['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight']
      : ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown'];
    switch (keys.indexOf(key)) {
      case 0:
        return this.nearest(
          id,
          this.edges.filter(edge => edge.downstream === id).map(edge => edge.upstream)
        );
      case 1:
        return this.nearest(
          id,
          this.edges.filter(edge => edge.upstream === id).map(edge => edge.downstream)
        );
      case 2:
        return rank[rank.indexOf(id) - 1];
      case 3:
        return rank[rank.indexOf(id) + 1];
      default:
        return key === 'Home'
          ? this.places.ranks[0]?.[0]
          : key === 'End'
            ? this.places.ranks.at(-1)?.at(-1)
            : undefined;
    }
  }

  private nearest(id: string, others: string[]): string | undefined {
    const side = this.places.downward ? 'x' : 'y';
    const across = (name: string): number => this.places.boxes.get(name)?.[side] ?? 0;
    const away = (name: string): number => Math.abs(across(name) - across(id));
    return [...others].sort((left, right) => away(left) - away(right))[0];
  }
}

function paint({ box: own, node, icon, phrase, bar }: Drawn): void {
  const said = [own.phrase, own.reason].filter(Boolean).join(': ');
  const progress = own.stages.length === 1 ? (own.stages[0]?.progress ?? null) : null;
  const told = [said, progressOf(progress)].filter(Boolean).join(' · ');
  if (node.dataset.state !== own.state) {
    node.dataset.state = own.state;
    icon.dataset.state = own.state; // its colour, which nothing below the box inherits: see the style
  }
  node.setAttribute('aria-label', `${own.title}, ${told}`);
  node.title = `${own.title}\n${told}`;
  write(icon, own.icon);
  // there is room for a few words: how far it is, then for how long it has been running
  write(phrase, [countOf(progress) || progress?.text, said].filter(Boolean).join(' · '));
  const share = shareOf(progress);
  if (share > 0 || !bar.hidden) {
    bar.style.width = `${Math.round(share * 100)}%`;
    bar.hidden = share === 0;
  }
}

function write(node: HTMLElement, text: string): void {
  const { firstChild } = node;
  if (!(firstChild instanceof Text)) {
    node.textContent = text;
  } else if (firstChild.data !== text) {
    firstChild.data = text;
  }
}

/** ``a, b, c and 9 others``. */
function some(names: string[]): string {
  const shown = names.slice(0, 3).join(', ');
  return names.length > 3 ? `${shown} and ${names.length - 3} others` : shown;
}

/** A name that is cut in its middle where it is too long: variants differ at the end. */
function titleOf(title: string): HTMLElement {
  const letters = Array.from(title);
  const rest = letters.length > LONG ? letters.splice(-ENDING).join('') : '';
  const head = element('span', { class: 'pivot-head' }, letters.join(''));
  return element('span', { class: 'pivot-title', dir: 'auto' }, head, rest);
}
