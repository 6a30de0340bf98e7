/** Which stages share a node: variants and the items of a map are folded where there are many. */

import type { Edge, StageView, StateName } from '../protocol.js';

/** What is drawn as one box. */
export interface Box {
  id: string;
  title: string;
  /** More than one: a folded group. */
  stages: StageView[];
  state: StateName;
  icon: string;
  /** The state in words. */
  phrase: string;
  reason: string;
}

export interface Folded {
  boxes: Box[];
  edges: Edge[];
}

/** The states from the one that wants attention most. */
const ATTENTION: StateName[] = [
  'failed',
  'blocked',
  'cancelled',
  'running',
  'queued',
  'run',
  'waits',
  'restore',
  'ran',
  'restored',
  'cached'
];

const MANY_STAGES = 30;
const MANY_VARIANTS = 8;

/** The groups that are folded unless somebody unfolds them. */
export function foldable(stages: StageView[]): Set<string> {
  const sizes = new Map<string, number>();
  for (const { name, group } of stages) {
    if (name !== group) {
      sizes.set(group, (sizes.get(group) ?? 0) + 1);
    }
  }
  const least = stages.length > MANY_STAGES ? 3 : MANY_VARIANTS + 1;
  return new Set([...sizes].filter(([, size]) => size >= least).map(([group]) => group));
}

/** The boxes and wires of a graph; `closed` names the groups that are one box. */
export function fold(stages: StageView[], edges: Edge[], closed: ReadonlySet<string>): Folded {
  const members = new Map<string, StageView[]>();
  const home = new Map<string, string>();
  for (const stage of stages) {
    const id = stage.name !== stage.group && closed.has(stage.group) ? stage.group : stage.name;
    home.set(stage.name, id);
    const known = members.get(id);
    if (known) {
      known.push(stage);
    } else {
      members.set(id, [stage]);
    }
  }
  const wires = new Map<string, Edge>();
  for (const edge of edges) {
    const upstream = home.get(edge.upstream);
    const downstream = home.get(edge.downstream);
    if (upstream !== undefined && downstream !== undefined && upstream !== downstream) {
      wires.set(JSON.stringify([upstream, downstream]), { upstream, downstream });
    }
  }
  const boxes = [...members].map(([id, own]) => box(id, own));
  return { boxes, edges: [...wires.values()] };
}

/** A box of one stage, or of a folded group. */
export function box(id: string, stages: StageView[]): Box {
  const [only] = stages;
  if (only !== undefined && stages.length === 1) {
    const { state, icon, phrase, reason } = only;
    return { id, title: id, stages, state, icon, phrase, reason };
  }
  const counts = new Map<StateName, number>();
  for (const { state } of stages) {
    counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  const present = ATTENTION.filter(state => counts.has(state));
  const first = stages.find(stage => stage.state === present[0]);
  const words = present.map(state => `${counts.get(state) ?? 0} ${WORDS[state]}`);
  return {
    id,
    title: `${id} ×${stages.length}`,
    stages,
    state: first?.state ?? 'cached',
    icon: first?.icon ?? '',
    phrase: words.join(', '),
    reason: ''
  };
}

const WORDS: Record<StateName, string> = {
  failed: 'failed',
  blocked: 'blocked',
  cancelled: 'cancelled',
  running: 'running',
  queued: 'queued',
  run: 'will run',
  waits: 'waiting',
  restore: 'will be restored',
  ran: 'ran',
  restored: 'restored',
  cached: 'cached'
};
