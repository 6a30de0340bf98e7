/** Where boxes and wires go. */

import { Graph, layout as dagreLayout } from '@dagrejs/dagre';

import type { Edge } from '../protocol.js';
import { ranksOf } from './ranks.js';

export interface Point {
  x: number;
  y: number;
}

export interface Layout {
  width: number;
  height: number;
  /** Whether ranks follow each other downward; else to the right. */
  downward: boolean;
  /** The top left corner of each box. */
  boxes: Map<string, Point>;
  wires: { edge: Edge; points: Point[] }[];
  /** The boxes of each rank, in the order in which they are drawn. */
  ranks: string[][];
}

/** The size of a box, in pixels. */
export function boxSize(downward: boolean): { width: number; height: number } {
  return { width: downward ? 152 : 208, height: 50 };
}

const GAP = { rank: 44, box: 14, wire: 10 };
const MARGIN = 12;
const WIRE_ROOM = 6;

/** Above so many boxes or wires dagre takes long: ranks alone are quick. */
const MOST = { boxes: 100, wires: 300 };

/** Places boxes of one size in ranks. */
export function layout(ids: string[], edges: Edge[], downward: boolean): Layout {
  if (ids.length === 0) {
    return { width: 1, height: 1, downward, boxes: new Map(), wires: [], ranks: [] };
  }
  const found =
    ids.length > MOST.boxes || edges.length > MOST.wires
      ? byRank(ids, edges, downward)
      : byDagre(ids, edges, downward);
  sortTwins(found, ids, edges);
  for (const wire of found.wires) {
    attach(wire, found);
  }
  makeRoom(found);
  return found;
}

/** Moves all away from the edge at which a wire runs: dagre gives room to boxes only. */
function makeRoom(found: Layout): void {
  const points = found.wires.flatMap(wire => wire.points);
  for (const [axis, side] of [
    ['x', 'width'],
    ['y', 'height']
  ] as const) {
    const places = points.map(point => point[axis]);
    const before = Math.max(0, ...places.map(place => WIRE_ROOM - place));
    for (const point of [...found.boxes.values(), ...points]) {
      point[axis] += before;
    }
    found[side] = Math.max(found[side], ...places.map(place => place + WIRE_ROOM)) + before;
  }
}

function byDagre(ids: string[], edges: Edge[], downward: boolean): Layout {
  const graph = new Graph();
  const size = boxSize(downward);
  const rankdir = downward ? 'TB' : 'LR';
  graph.setGraph({ rankdir, nodesep: GAP.box, edgesep: GAP.wire, ranksep: GAP.rank, marginx: MARGIN, marginy: MARGIN });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const id of ids) {
    graph.setNode(id, { ...size });
  }
  for (const { upstream, downstream } of edges) {
    graph.setEdge(upstream, downstream);
  }
  dagreLayout(graph);
  const boxes = new Map<string, Point>();
  const rows = new Map<number, string[]>();
  for (const id of ids) {
    const { x, y } = graph.node(id) as Point;
    boxes.set(id, { x: x - size.width / 2, y: y - size.height / 2 });
    append(rows, downward ? y : x, id);
  }
  const wires = edges.map(edge => {
    const { points } = graph.edge(edge.upstream, edge.downstream) as { points: Point[] };
    return { edge, points: points.slice(1, -1) };
  });
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  const across = (id: string): number => boxes.get(id)?.[downward ? 'x' : 'y'] ?? 0;
  const ranks = sorted(rows).map(row => row.sort((left, right) => across(left) - across(right)));
  return { width, height, downward, boxes, wires, ranks };
}

function byRank(ids: string[], edges: Edge[], downward: boolean): Layout {
  const found = ranksOf(ids, edges);
  const boxes = new Map<string, Point>();
  const { width: wide, height: high } = boxSize(downward);
  const [long, broad] = downward ? [high, wide] : [wide, high];
  const along = long + 2 * GAP.rank;
  const beside = broad + GAP.box;
  found.forEach((rank, depth) => {
    const deep = MARGIN + depth * along;
    rank.ids.forEach((id, index) => {
      const across = MARGIN + (rank.at[index] ?? 0) * beside;
      boxes.set(id, downward ? { x: across, y: deep } : { x: deep, y: across });
    });
  });
  const length = 2 * MARGIN + found.length * along - 2 * GAP.rank;
  const breadth = 2 * MARGIN + Math.max(...found.map(rank => rank.at.at(-1) ?? 0)) * beside + broad;
  const [width, height] = downward ? [breadth, length] : [length, breadth];
  const ranks = found.map(rank => rank.ids);
  return { width, height, downward, boxes, wires: edges.map(edge => ({ edge, points: [] })), ranks };
}

function append<K>(rows: Map<K, string[]>, key: K, id: string): void {
  const row = rows.get(key);
  if (row) {
    row.push(id);
  } else {
    rows.set(key, [id]);
  }
}

function sorted(rows: Map<number, string[]>): string[][] {
  return [...rows].sort(([left], [right]) => left - right).map(([, row]) => row);
}

/** Boxes with the same neighbours, as variants are, change places until they stand in the pipeline's order. */
function sortTwins(found: Layout, ids: string[], edges: Edge[]): void {
  const sides = new Map<string, string[]>(ids.map(id => [id, []]));
  for (const { upstream, downstream } of edges) {
    sides.get(upstream)?.push(`>${downstream}`);
    sides.get(downstream)?.push(`<${upstream}`);
  }
  const order = new Map(ids.map((id, index) => [id, index]));
  const seat = new Map<string, string>();
  for (const row of found.ranks) {
    const twins = new Map<string, string[]>();
    for (const id of row) {
      append(twins, JSON.stringify(sides.get(id)?.sort()), id);
    }
    for (const seats of twins.values()) {
      const inOrder = [...seats].sort((left, right) => (order.get(left) ?? 0) - (order.get(right) ?? 0));
      inOrder.forEach((id, index) => seat.set(id, seats[index] ?? id));
    }
  }
  const taker = new Map([...seat].map(([id, at]) => [at, id]));
  const places = new Map(found.boxes);
  for (const [id, at] of seat) {
    const place = places.get(at);
    if (place) {
      found.boxes.set(id, place);
    }
  }
  found.ranks = found.ranks.map(row => row.map(at => taker.get(at) ?? at));
  const key = (upstream: string, downstream: string): string => JSON.stringify([upstream, downstream]);
  const points = new Map(found.wires.map(wire => [key(wire.edge.upstream, wire.edge.downstream), wire.points]));
  for (const wire of found.wires) {
    const { upstream, downstream } = wire.edge;
    wire.points =
      points.get(key(seat.get(upstream) ?? upstream, seat.get(downstream) ?? downstream)) ?? wire.points;
  }
}

/** A wire leaves a box in the middle of one side and comes to the middle of the other. */
function attach(wire: Layout['wires'][number], { boxes, downward }: Layout): void {
  const from = boxes.get(wire.edge.upstream);
  const to = boxes.get(wire.edge.downstream);
  if (from && to) {
    const size = boxSize(downward);
    const middle = { x: size.width / 2, y: size.height / 2 };
    const start = downward
      ? { x: from.x + middle.x, y: from.y + size.height }
      : { x: from.x + size.width, y: from.y + middle.y };
    const end = downward ? { x: to.x + middle.x, y: to.y } : { x: to.x, y: to.y + middle.y };
    wire.points = [start, ...wire.points, end];
  }
}

/** An SVG path through the points, without corners, that ends in an arrow. */
export function smooth(points: Point[], downward: boolean): string {
  const [first, ...rest] = points;
  if (first === undefined) {
    return '';
  }
  let path = `M${at(first)}`;
  let last = first;
  for (const point of rest) {
    const middle = { x: (last.x + point.x) / 2, y: (last.y + point.y) / 2 };
    const [leave, come] = downward
      ? [
          { x: last.x, y: middle.y },
          { x: point.x, y: middle.y }
        ]
      : [
          { x: middle.x, y: last.y },
          { x: middle.x, y: point.y }
        ];
    path += `C${at(leave)} ${at(come)} ${at(point)}`;
    last = point;
  }
  return path + tip(last, downward);
}

/** The head of an arrow. */
function tip({ x, y }: Point, downward: boolean): string {
  const [left, right] = downward
    ? [
        { x: x - 3.5, y: y - 5 },
        { x: x + 3.5, y: y - 5 }
      ]
    : [
        { x: x - 5, y: y - 3.5 },
        { x: x - 5, y: y + 3.5 }
      ];
  return `M${at(left)}L${at({ x, y })}L${at(right)}`;
}

function at({ x, y }: Point): string {
  return `${Math.round(x * 10) / 10},${Math.round(y * 10) / 10}`;
}
