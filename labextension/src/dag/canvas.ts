/** A plane that can be panned and zoomed. */

import { element } from './element.js';

const LEAST = 0.1;
const MOST = 2.5;
const STEP = 1.2;

/** Below this nothing can be read: what does not fit at first is reached by panning. */
const READABLE = 0.7;

/** Below this boxes show their icon only. */
const FAR = 0.45;

/** In pixels; a frame that is narrower shows ranks one below the other. */
const NARROW = 480;

interface Point {
  x: number;
  y: number;
}

/** Holds a plane of fixed size in a frame of any size. */
export class Canvas {
  readonly node: HTMLElement;
  readonly plane: HTMLElement;
  private scale = 1;
  private x = 0;
  private y = 0;
  private width = 1;
  private height = 1;
  private start: Point = { x: 0, y: 0 };
  private moved = false;
  private frame = 0;
  /** Where the fingers, or the mouse, are. */
  private readonly fingers = new Map<number, Point>();
  private readonly resized: ResizeObserver;

  /** `turned` is called when the frame becomes narrow, or wide again. */
  constructor(turned: () => void) {
    this.plane = element('div', { class: 'pivot-plane' });
    this.node = element('div', { class: 'pivot-canvas' }, this.plane);
    this.node.addEventListener('wheel', this.turn, { passive: false });
    this.node.addEventListener('pointerdown', this.grab);
    this.node.addEventListener('pointermove', this.drag);
    for (const end of ['pointerup', 'pointercancel'] as const) {
      this.node.addEventListener(end, this.drop);
    }
    // a browser scrolls to what gets the focus; here the plane moves
    this.node.addEventListener('scroll', () => {
      this.node.scrollTo(0, 0);
    });
    let narrow = false;
    this.resized = new ResizeObserver(() => {
      if (this.node.clientWidth > 0 && narrow !== this.narrow) {
        narrow = this.narrow;
        turned();
      }
      if (!this.moved) {
        this.fit(READABLE);
      }
    });
    this.resized.observe(this.node);
  }

  /** Whether there is more room below than beside. */
  get narrow(): boolean {
    return this.node.clientWidth > 0 && this.node.clientWidth < NARROW;
  }

  dispose(): void {
    cancelAnimationFrame(this.frame);
    this.resized.disconnect();
    this.node.remove();
  }

  /**
   * Says how large the plane is; a person's own view of it is kept.
   *
   * @param start what is seen at first of a plane that is too large.
   */
  resize(width: number, height: number, start: Point): void {
    this.width = width;
    this.height = height;
    this.start = start;
    this.plane.style.width = `${width}px`;
    this.plane.style.height = `${height}px`;
    if (!this.moved) {
      this.fit(READABLE);
    }
  }

  /** Shows all of it, however small that is. */
  showAll(): void {
    this.fit(LEAST);
  }

  zoom(inward: boolean): void {
    const { clientWidth, clientHeight } = this.node;
    this.zoomAt(inward ? STEP : 1 / STEP, { x: clientWidth / 2, y: clientHeight / 2 });
  }

  /** Brings a rectangle of the plane into view. */
  reveal(x: number, y: number, width: number, height: number): void {
    if (!this.moved) {
      this.fit(READABLE); // the frame may be another one by now
    }
    const { clientWidth, clientHeight } = this.node;
    const edge = 12;
    const left = this.x + x * this.scale;
    const top = this.y + y * this.scale;
    const overX = left + width * this.scale + edge - clientWidth;
    const overY = top + height * this.scale + edge - clientHeight;
    const right = left < edge ? edge - left : -Math.max(0, overX);
    const down = top < edge ? edge - top : -Math.max(0, overY);
    if (right !== 0 || down !== 0) {
      this.moveBy(right, down);
    }
  }

  private fit(least: number): void {
    const { clientWidth, clientHeight } = this.node;
    if (clientWidth === 0 || clientHeight === 0) {
      return;
    }
    this.moved = false;
    this.scale = Math.max(least, Math.min(clientWidth / this.width, clientHeight / this.height, 1));
    this.x = outset(clientWidth, this.width * this.scale, this.start.x * this.scale);
    this.y = outset(clientHeight, this.height * this.scale, this.start.y * this.scale);
    this.place();
  }

  private zoomAt(factor: number, { x, y }: Point): void {
    const scale = Math.min(MOST, Math.max(LEAST, this.scale * factor));
    const real = scale / this.scale;
    this.x = x - (x - this.x) * real;
    this.y = y - (y - this.y) * real;
    this.scale = scale;
    this.moved = true;
    this.placeSoon();
  }

  private moveBy(x: number, y: number): void {
    this.x += x;
    this.y += y;
    this.moved = true;
    this.placeSoon();
  }

  private placeSoon(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.place();
    });
  }

  private place(): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.plane.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    this.plane.classList.toggle('pivot-far', this.scale < FAR);
  }

  /** With Ctrl, as a pinch on a touchpad comes, it zooms; else it pans as far as there is something to see. */
  private readonly turn = (event: WheelEvent): void => {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      this.zoomAt(Math.exp(-event.deltaY / 300), this.inFrame(event));
      return;
    }
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const [right, down] = event.shiftKey && event.deltaX === 0 ? [event.deltaY, 0] : [event.deltaX, event.deltaY];
    const { clientWidth, clientHeight } = this.node;
    const x = within(-right * unit, this.x, clientWidth - this.width * this.scale);
    const y = within(-down * unit, this.y, clientHeight - this.height * this.scale);
    if (x !== 0 || y !== 0) {
      event.preventDefault(); // at its end the page scrolls
      this.moveBy(x, y);
    }
  };

  private inFrame({ clientX, clientY }: MouseEvent): Point {
    const frame = this.node.getBoundingClientRect();
    return { x: clientX - frame.left, y: clientY - frame.top };
  }

  private readonly grab = (event: PointerEvent): void => {
    const onBox = (event.target as Element).closest('button') !== null;
    if (event.button === 0 && (!onBox || this.fingers.size > 0)) {
      this.fingers.set(event.pointerId, this.inFrame(event));
      this.node.setPointerCapture(event.pointerId);
      this.node.classList.add('pivot-grabbed');
    }
  };

  /** One finger moves the plane, two of them zoom it as well. */
  private readonly drag = (event: PointerEvent): void => {
    const before = this.fingers.get(event.pointerId);
    if (before === undefined) {
      return;
    }
    const now = this.inFrame(event);
    this.fingers.set(event.pointerId, now);
    const share = 1 / this.fingers.size;
    this.moveBy((now.x - before.x) * share, (now.y - before.y) * share);
    const [other] = [...this.fingers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
    if (other) {
      const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
      this.zoomAt(apart(now, other) / Math.max(1, apart(before, other)), middle);
    }
  };

  private readonly drop = (event: PointerEvent): void => {
    this.fingers.delete(event.pointerId);
    this.node.classList.toggle('pivot-grabbed', this.fingers.size > 0);
  };
}

/** Where a side of the plane begins: in the middle if it fits, else so that `start` is in the middle. */
function outset(frame: number, size: number, start: number): number {
  const room = frame - size;
  return room >= 0 ? room / 2 : Math.min(0, Math.max(room, frame / 2 - start));
}

/** So much of a step as the plane has still to show; `room` is negative where it does not fit into the frame. */
function within(step: number, at: number, room: number): number {
  if (room >= 0) {
    return 0;
  }
  return step > 0 ? Math.min(step, Math.max(0, -at)) : Math.max(step, Math.min(0, room - at));
}

function apart(one: Point, other: Point): number {
  return Math.hypot(one.x - other.x, one.y - other.y);
}
