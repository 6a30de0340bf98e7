// Made from pivot_jupyter/protocol.py by labextension/protocol.py: change it there.

export const PROTOCOL = 2;

export const TARGET = 'pivot';

export type StateName =
  | 'cached'
  | 'restore'
  | 'run'
  | 'waits'
  | 'queued'
  | 'running'
  | 'ran'
  | 'restored'
  | 'failed'
  | 'blocked'
  | 'cancelled';

/** How far a running stage says that it is. */
export interface ProgressView {
  done: number;
  total: number | null;
  text: string;
  failed: number;
}

/** A stage and its state. */
export interface StageView {
  name: string;
  group: string;
  state: StateName;
  icon: string;
  phrase: string;
  reason: string;
  progress: ProgressView | null;
  seconds: number | null;
}

/** One stage reads what another one writes. */
export interface Edge {
  upstream: string;
  downstream: string;
}

/** A cell that was executed. */
export interface CellView {
  cell: string;
  stages: string[];
  used_by: string[];
  text: string;
}

/** The run that is under way, or the last one. */
export interface RunView {
  run: string;
  going: boolean;
  summary: string;
}

/** All there is to show. `problem`: why nothing can be said of the stages; then there are none. */
export interface Snapshot {
  kind: 'Snapshot';
  seq: number;
  protocol: number;
  version: string;
  stages: StageView[];
  edges: Edge[];
  cells: CellView[];
  run: RunView | null;
  summary: string;
  problem: string;
}

/** The stages whose state is another one now; what is not named stayed. */
export interface Change {
  kind: 'Change';
  seq: number;
  stages: StageView[];
  run: RunView | null;
  summary: string;
}

/** A line of a table: ``lr`` ``0.1``. */
export interface Row {
  name: string;
  value: string;
}

/** One reason why a stage would run, with the difference of the text that changed, a line each. */
export interface Why {
  title: string;
  rows: Row[];
  diff: string[];
}

/** What an output looks like: ``image/png`` and ``image/svg+xml`` as data URI, else text. */
export interface Preview {
  path: string;
  mime: string;
  data: string;
}

/** All that is known of one stage. */
export interface Detail {
  kind: 'Detail';
  request: number;
  stage: string;
  why: Why[];
  params: Row[];
  deps: Row[];
  outs: Row[];
  durations: Row[];
  log: string;
  traceback: string;
  previews: Preview[];
}

/** A request was done; `text` is what to tell, and may be empty. */
export interface Done {
  kind: 'Done';
  request: number;
  text: string;
}

/** A request could not be done. */
export interface Failed {
  kind: 'Failed';
  request: number;
  message: string;
  hint: string;
}

/** The end of what a running stage wrote so far; it takes the place of what was told before. */
export interface Log {
  kind: 'Log';
  stage: string;
  log: string;
}

/** Something that a person should hear of, wherever they look. */
export interface Told {
  kind: 'Told';
  severity: 'success' | 'warning' | 'error';
  text: string;
}

/** The first message: who is there. */
export interface Hello {
  kind: 'Hello';
  request: number;
  protocol: number;
  version: string;
}

/** All that is known of a stage is wanted. */
export interface AskDetail {
  kind: 'AskDetail';
  request: number;
  stage: string;
}

/** Stages are to be run; no targets: all. `single`: without what they need. */
export interface Start {
  kind: 'Start';
  request: number;
  targets: string[];
  force: boolean;
  single: boolean;
}

/** A run is to end, if it is still under way; `stages` names some of its stages, or none: all. */
export interface Stop {
  kind: 'Stop';
  request: number;
  run: string;
  stages: string[];
}

/** The module and pivot.yaml are to be written. */
export interface Export {
  kind: 'Export';
  request: number;
}

export type FromKernel = Snapshot | Change | Detail | Done | Failed | Log | Told;

export type FromBrowser = Hello | AskDetail | Start | Stop | Export;
