/** The wire to one kernel: one comm, kept alive, over which the states of a notebook's stages come. */

import { type ISessionContext, Notification } from '@jupyterlab/apputils';
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import type { JSONObject } from '@lumino/coreutils';
import { type ISignal, Signal } from '@lumino/signaling';

import { after, isLoaded, Line, ownSubshell } from './line.js';
import {
  type Change,
  type Detail,
  type Done,
  type FromBrowser,
  type FromKernel,
  type Log,
  PROTOCOL,
  type Snapshot,
  type StageView,
  TARGET
} from './protocol.js';

/** Why there is nothing to show. */
export type Missing = 'no kernel' | 'not loaded' | 'restarted' | 'died' | 'other version' | null;

/** What a status of the kernel says of all that was known. */
const GONE: Partial<Record<Kernel.Status, Missing>> = {
  restarting: 'restarted',
  autorestarting: 'died',
  dead: 'died',
  terminating: 'no kernel'
};

/** So long a kernel may take to hear an order to stop before the server gives it, in milliseconds. */
const SOON = 500;

/** Gives an order to stop to a run past its kernel; `notebook` is the path of what began it. */
export type Halt = (notebook: string, order: { run: string; stages: string[] }) => Promise<void>;

type Body<K extends FromBrowser['kind']> = Omit<Extract<FromBrowser, { kind: K }>, 'kind' | 'request'>;

interface Waiting {
  resolve: (answer: Detail | Done) => void;
  reject: (error: Error) => void;
}

/** Follows a session through restarts and changes of its kernel. */
export class Link {
  /** All that is known of the notebook's stages; `null` as long as nothing is. */
  snapshot: Snapshot | null = null;
  missing: Missing = 'no kernel';
  private line: Line | null = null;
  private kernel: Kernel.IKernelConnection | null = null;
  private readonly waiting = new Map<number, Waiting>();
  private readonly signal = new Signal<this, Change | null>(this);
  private readonly logs = new Signal<this, Log>(this);
  private last = 0;
  private hello = 0;
  private disposed = false;

  constructor(
    readonly session: ISessionContext,
    private readonly version: string,
    private readonly halt: Halt
  ) {
    session.kernelChanged.connect(this.follow, this);
    session.statusChanged.connect(this.watch, this);
    session.disposed.connect(this.dispose, this); // the connection is still there, so that the kernel can be told
    this.follow();
  }

  /** Something changed: a change of states, or, with `null`, anything. */
  get changed(): ISignal<this, Change | null> {
    return this.signal;
  }

  /** The log of a stage that was asked for has grown. */
  get logged(): ISignal<this, Log> {
    return this.logs;
  }

  readonly dispose = (): void => {
    if (this.disposed) {
      return;
    }
    this.disposed = true;
    this.leave();
    this.drop('no kernel');
    Signal.clearData(this);
  };

  /** Asks the kernel for something; the answer may have to wait for a kernel that is busy. */
  ask<K extends Exclude<FromBrowser['kind'], 'Hello'>>(kind: K, body: Body<K>): Promise<Detail | Done> {
    const { line } = this;
    if (line === null || line.isClosed) {
      return Promise.reject(new Error('The kernel has no pipeline: run %load_ext pivot_jupyter'));
    }
    this.last += 1;
    const request = this.last;
    return new Promise((resolve, reject) => {
      this.waiting.set(request, { resolve, reject });
      line.send({ kind, request, ...body });
    });
  }

  /**
   * Ends the run that is shown, or some of its stages. A kernel whose comms wait for the cell that it runs, as all
   * of ipykernel 6 do, hears of it too late: then the server tells the run, which looks for that.
   */
  async stop(stages: string[]): Promise<Detail | Done> {
    const order = { run: this.snapshot?.run?.run ?? '', stages };
    const asked = this.ask('Stop', order);
    const heard = await Promise.race([asked, after(SOON, null)]);
    if (heard !== null) {
      return heard;
    }
    const told = this.halt(this.session.path, order).then(() => DONE);
    return Promise.any([asked, told]).catch(() => asked); // what the kernel says of it says more
  }

  private readonly follow = (): void => {
    const kernel = this.session.session?.kernel ?? null;
    if (kernel === this.kernel) {
      return;
    }
    this.leave();
    this.kernel = kernel;
    this.drop(kernel ? 'not loaded' : 'no kernel');
    if (kernel) {
      kernel.registerCommTarget(TARGET, this.knocked);
      void this.find(kernel).catch(quiet);
    }
  };

  private leave(): void {
    if (this.kernel?.isDisposed === false) {
      this.kernel.removeCommTarget(TARGET, this.knocked);
    }
  }

  /** The extension was loaded into the kernel. */
  private readonly knocked = (): void => {
    if (this.kernel) {
      void this.open(this.kernel, null).catch(quiet);
    }
  };

  private readonly watch = (_: ISessionContext, status: Kernel.Status): void => {
    const missing = GONE[status];
    if (missing !== undefined) {
      this.drop(this.missing === 'not loaded' && missing !== 'no kernel' ? 'not loaded' : missing);
    }
  };

  /** Opens the wire if the extension is loaded already. */
  private async find(kernel: Kernel.IKernelConnection): Promise<void> {
    const subshell = await ownSubshell(kernel);
    if (await isLoaded(kernel, subshell)) {
      await this.open(kernel, subshell);
    }
  }

  private async open(kernel: Kernel.IKernelConnection, subshell: string | null): Promise<void> {
    if (this.kernel !== kernel || this.disposed || this.line?.isClosed === false) {
      return;
    }
    const line = (this.line = new Line(kernel, subshell));
    line.comm.onMsg = message => {
      this.hear(message);
    };
    line.comm.onClose = () => {
      if (this.line === line) {
        this.drop('not loaded');
      }
    };
    await line.open(this.greeting());
  }

  private hear(message: KernelMessage.ICommMsgMsg): void {
    const said = message.content.data as unknown as FromKernel;
    switch (said.kind) {
      case 'Snapshot':
        this.missing = said.protocol === PROTOCOL ? null : 'other version';
        this.snapshot = this.missing === null ? said : null;
        this.signal.emit(null);
        break;
      case 'Change':
        this.take(said);
        break;
      case 'Failed':
        if (said.request === this.hello) {
          this.missing = 'other version';
          this.snapshot = null;
          this.signal.emit(null);
          return;
        }
        this.settle(said.request)?.reject(new Error([said.message, said.hint].filter(Boolean).join('\n')));
        break;
      case 'Log':
        this.logs.emit(said);
        break;
      case 'Told':
        Notification.emit(said.text, said.severity, { autoClose: said.severity === 'error' ? false : 5000 });
        break;
      default:
        this.settle(said.request)?.resolve(said);
    }
  }

  private take(change: Change): void {
    if (this.snapshot === null || change.seq !== this.snapshot.seq + 1) {
      this.line?.send(this.greeting()); // something was lost on the way
      return;
    }
    const changed = new Map<string, StageView>(change.stages.map(stage => [stage.name, stage]));
    const stages = this.snapshot.stages.map(stage => changed.get(stage.name) ?? stage);
    const { seq, run, summary } = change;
    this.snapshot = { ...this.snapshot, seq, run, summary, stages };
    this.signal.emit(change);
  }

  private greeting(): JSONObject {
    this.last += 1;
    this.hello = this.last;
    return { kind: 'Hello', request: this.last, protocol: PROTOCOL, version: this.version };
  }

  private settle(request: number): Waiting | undefined {
    const found = this.waiting.get(request);
    this.waiting.delete(request);
    return found;
  }

  private drop(missing: Missing): void {
    const { line } = this;
    this.line = null;
    line?.close();
    for (const { reject } of this.waiting.values()) {
      reject(new Error('The kernel is gone'));
    }
    this.waiting.clear();
    this.snapshot = null;
    this.missing = missing;
    this.signal.emit(null);
  }
}

const DONE: Done = { kind: 'Done', request: 0, text: '' };

/** A kernel that went away meanwhile is told of by its status. */
function quiet(error: unknown): void {
  console.debug('pivot:', error);
}
