/** The pipeline of a folder, as the server tells of it. */

import { type ISignal, Signal } from '@lumino/signaling';

import type { Actions } from './dag/detail.js';
import type { Change, Failed, Snapshot } from './protocol.js';
import type { ProjectAnswer, Server } from './server.js';

/** Follows one folder at a time; it asks only when it is told to, and while a run goes on it listens. */
export class Project {
  /** The stages; `null` as long as nothing is known of them. */
  snapshot: Snapshot | null = null;
  /** What the server said last. */
  answer: ProjectAnswer | null = null;
  /** Why it said nothing. */
  problem = '';
  busy = false;
  private path: string | null = null;
  private asked = 0;
  private followed = false;
  /** The states as they were found after the last run: as long as they are the same, what the run said is shown. */
  private after = '';
  private readonly allowed = new Set<string>();
  private readonly signal = new Signal<this, Change | null>(this);

  constructor(
    private readonly server: Server,
    private readonly fail: (error: unknown) => void
  ) {}

  /** Something changed: a change of states, or, with `null`, anything. */
  get changed(): ISignal<this, Change | null> {
    return this.signal;
  }

  /** Whether there is a pipeline to be shown. */
  get defined(): boolean {
    return this.answer?.defined ?? false;
  }

  get actions(): Actions {
    return {
      ask: stage => this.server.get('detail', { path: this.path ?? '', stage }),
      start: (targets, options) => this.start(targets, options),
      stop: stages => this.stop(stages)
    };
  }

  /** Asks for the pipeline of a folder. */
  async look(path: string): Promise<void> {
    if (path !== this.path) {
      this.path = path;
      this.answer = null;
      this.snapshot = null;
      this.after = '';
      this.signal.emit(null);
    }
    await this.refresh();
  }

  /** A person wants it to be shown although Pivot was never used there. */
  allow(): Promise<void> {
    this.allowed.add(this.answer?.project ?? '');
    return this.refresh();
  }

  /** Asks anew. */
  async refresh(): Promise<void> {
    const answer = await this.ask();
    if (answer === null) {
      return;
    }
    this.answer = answer;
    const told = JSON.stringify(answer.snapshot?.stages);
    if (this.snapshot === null || answer.snapshot === null || told !== this.after) {
      this.snapshot = answer.snapshot;
      this.after = '';
    }
    this.signal.emit(null);
    if (this.snapshot?.run?.going) {
      void this.follow().catch(this.fail);
    }
  }

  /** Begins a run; it goes on when nobody looks. */
  async start(targets: string[], options: { force: boolean; single: boolean }): Promise<void> {
    await this.server.post('run', { path: this.path, targets, ...options });
    void this.follow().catch(this.fail);
  }

  /** Ends the run; with stages it goes on without these. */
  async stop(stages: string[]): Promise<void> {
    await this.server.post('stop', { path: this.path, stages });
  }

  /** What the server says; `null` if somebody has asked for something else meanwhile. */
  private async ask(): Promise<ProjectAnswer | null> {
    const { path } = this;
    if (path === null) {
      return null;
    }
    this.asked += 1;
    const number = this.asked;
    this.busy = true;
    this.signal.emit(null);
    let answer: ProjectAnswer | null = null;
    let problem = '';
    try {
      answer = await this.server.get('project', { path });
      if (answer.fresh && this.allowed.has(answer.project ?? '')) {
        answer = await this.server.get('project', { path, look: '1' });
      }
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    if (number !== this.asked) {
      return null;
    }
    this.busy = false;
    this.problem = problem;
    return answer ?? { project: null, defined: false, snapshot: null };
  }

  private async follow(): Promise<void> {
    const { path } = this;
    if (path === null || this.followed) {
      return;
    }
    this.followed = true;
    let failed: Failed | null = null;
    try {
      for await (const said of this.server.events(path)) {
        const message = said as Change | Failed;
        if (message.kind === 'Failed') {
          failed = message;
        } else if (path === this.path && this.snapshot !== null) {
          const changed = new Map(message.stages.map(stage => [stage.name, stage]));
          const stages = this.snapshot.stages.map(stage => changed.get(stage.name) ?? stage);
          const { run, summary } = message;
          this.snapshot = { ...this.snapshot, run, summary, stages };
          this.signal.emit(message);
        }
      }
    } finally {
      this.followed = false;
    }
    await this.settle(path);
    if (failed !== null) {
      this.fail(new Error([failed.message, failed.hint].filter(Boolean).join('\n')));
    }
  }

  /** After a run: what a look says now is kept in mind, what the run said stays to be seen. */
  private async settle(path: string): Promise<void> {
    const answer = await this.ask();
    if (answer === null || path !== this.path) {
      return;
    }
    this.answer = answer;
    const found = answer.snapshot;
    const same = this.snapshot?.stages.map(({ name }) => name).join() === found?.stages.map(({ name }) => name).join();
    if (same && found?.problem === '') {
      this.after = JSON.stringify(found.stages);
    } else {
      this.snapshot = found;
    }
    this.signal.emit(null);
  }
}
