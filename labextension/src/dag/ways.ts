/** What lies up- and downstream of a box. */

import type { Edge } from '../protocol.js';

export interface Ways {
  boxes: Set<string>;
  edges: Set<Edge>;
}

/** Everything that leads to a box and everything that it leads to, itself included. */
export function waysOf(id: string, edges: Edge[]): Ways {
  const found: Ways = { boxes: new Set([id]), edges: new Set() };
  walk(id, edges, found, 'upstream', 'downstream');
  walk(id, edges, found, 'downstream', 'upstream');
  return found;
}

/** The wires by one of their ends. */
export function edgesBy(end: keyof Edge, edges: Edge[]): Map<string, Edge[]> {
  const found = new Map<string, Edge[]>();
  for (const edge of edges) {
    const known = found.get(edge[end]);
    if (known) {
      known.push(edge);
    } else {
      found.set(edge[end], [edge]);
    }
  }
  return found;
}

function walk(id: string, edges: Edge[], found: Ways, to: keyof Edge, from: keyof Edge): void {
  const leaving = edgesBy(from, edges);
  const seen = new Set([id]);
  const open = [id];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const edge of leaving.get(at) ?? []) {
      found.edges.add(edge);
      found.boxes.add(edge[to]);
      if (!seen.has(edge[to])) {
        seen.add(edge[to]);
        open.push(edge[to]);
      }
    }
  }
}
