/** Layers of a graph that is too large for dagre: quick, and with few crossings. */

import type { Edge } from '../protocol.js';

/** More boxes of a rank than this stand in several columns. */
const MOST_OF_A_RANK = 24;

const SWEEPS = 6;

/** A rank, in the order in which its boxes are drawn, and where each stands, in steps of one box. */
export interface Rank {
  ids: string[];
  at: number[];
}

type Sides = Map<string, string[]>;

/** The ranks of a graph; what feeds nothing near stands close to what it feeds. */
export function ranksOf(ids: string[], edges: Edge[]): Rank[] {
  const above = sides(ids, edges, 'downstream', 'upstream');
  const below = sides(ids, edges, 'upstream', 'downstream');
  const depth = depths(ids, above, below);
  const rows: string[][] = [];
  for (const id of ids) {
    (rows[depth.get(id) ?? 0] ??= []).push(id);
  }
  const order = new Map<string, number>();
  rows.forEach(row => {
    number(row, order);
  });
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const forward = sweep % 2 === 0;
    for (const row of forward ? rows : [...rows].reverse()) {
      const wanted = wishes(row, forward ? above : below, order);
      row.sort((left, right) => (wanted.get(left) ?? 0) - (wanted.get(right) ?? 0));
      number(row, order);
    }
  }
  const ranks = rows.flatMap(split);
  place(ranks, above, below);
  return ranks;
}

function sides(ids: string[], edges: Edge[], of: keyof Edge, to: keyof Edge): Sides {
  const found: Sides = new Map(ids.map(id => [id, []]));
  for (const edge of edges) {
    found.get(edge[of])?.push(edge[to]);
  }
  return found;
}

/** The longest way to each box. What lies on a cycle, which no pipeline has, stays at 0. */
function depths(ids: string[], above: Sides, below: Sides): Map<string, number> {
  const depth = new Map(ids.map(id => [id, 0]));
  const waiting = new Map(ids.map(id => [id, above.get(id)?.length ?? 0]));
  const ready = ids.filter(id => waiting.get(id) === 0);
  for (let id = ready.pop(); id !== undefined; id = ready.pop()) {
    for (const next of below.get(id) ?? []) {
      depth.set(next, Math.max(depth.get(next) ?? 0, (depth.get(id) ?? 0) + 1));
      const left = (waiting.get(next) ?? 0) - 1;
      waiting.set(next, left);
      if (left === 0) {
        ready.push(next);
      }
    }
  }
  for (const id of ids) {
    const fed = below.get(id)?.map(next => depth.get(next) ?? 0) ?? [];
    if (above.get(id)?.length === 0 && fed.length > 0) {
      depth.set(id, Math.max(0, Math.min(...fed) - 1));
    }
  }
  return depth;
}

/** Where each box of a rank stands among the others: from 0 to 1. */
function number(row: string[], order: Map<string, number>): void {
  row.forEach((id, index) => order.set(id, (index + 0.5) / row.length));
}

function wishes(row: string[], sides: Sides, order: Map<string, number>): Map<string, number> {
  return new Map(
    row.map(id => {
      const places = (sides.get(id) ?? []).map(other => order.get(other) ?? 0);
      return [id, places.length === 0 ? (order.get(id) ?? 0) : mean(places)];
    })
  );
}

function split(row: string[]): Rank[] {
  const columns = Math.ceil(row.length / MOST_OF_A_RANK);
  const each = Math.ceil(row.length / columns);
  return Array.from({ length: columns }, (_, column) => {
    const ids = row.slice(column * each, (column + 1) * each);
    return { ids, at: ids.map((_id, index) => index - (ids.length - 1) / 2) };
  });
}

/** Moves boxes of a rank, in their order, to where those are that they read from and feed. */
function place(ranks: Rank[], above: Sides, below: Sides): void {
  const at = new Map<string, number>();
  const note = ({ ids, at: places }: Rank): void => {
    ids.forEach((id, index) => at.set(id, places[index] ?? 0));
  };
  ranks.forEach(note);
  for (let sweep = 0; sweep < 4; sweep++) {
    const near = sweep % 2 === 0 ? above : below;
    for (const rank of sweep % 2 === 0 ? ranks : [...ranks].reverse()) {
      const wanted = rank.ids.map(id => {
        const others = (near.get(id) ?? []).map(other => at.get(other) ?? 0);
        return others.length === 0 ? (at.get(id) ?? 0) : mean(others);
      });
      rank.at = apart(wanted);
      note(rank);
    }
  }
  const least = Math.min(...ranks.map(rank => rank.at[0] ?? 0));
  for (const rank of ranks) {
    rank.at = rank.at.map(place => place - least);
  }
}

/** The places nearest to those that are wanted, in the same order and at least one step from each other. */
function apart(wanted: number[]): number[] {
  const blocks: { sum: number; size: number }[] = [];
  wanted.forEach((place, index) => {
    let block = { sum: place - index, size: 1 };
    for (let last = blocks.at(-1); last && last.sum / last.size > block.sum / block.size; last = blocks.at(-1)) {
      block = { sum: last.sum + block.sum, size: last.size + block.size };
      blocks.pop();
    }
    blocks.push(block);
  });
  const found = blocks.flatMap(({ sum, size }) => Array.from({ length: size }, () => sum / size));
  return found.map((place, index) => place + index);
}

function mean(numbers: number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
}
