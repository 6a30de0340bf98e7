/** The way to a kernel that a running cell does not block. */

import { type Kernel, KernelMessage } from '@jupyterlab/services';
import type { JSONObject } from '@lumino/coreutils';

import { TARGET } from './protocol.js';

/** A comm whose subshell JupyterLab starts. */
interface Subshelled {
  subshellStarted?: Promise<void>;
  /** A setting of JupyterLab's. */
  commsOverSubshells?: string;
}

/** So long an idle kernel may take to say what it is, in milliseconds. */
const SOON = 1000;

/** So long we wait for what a kernel may never answer, in milliseconds. */
const LATE = 5000;

/** A comm to one kernel; what is sent over it does not wait for cells, where the kernel can do that. */
export class Line {
  readonly comm: Kernel.IComm;

  /** `subshell` is one of our own; `null`: the one that JupyterLab makes for the comm. */
  constructor(
    readonly kernel: Kernel.IKernelConnection,
    private readonly subshell: string | null
  ) {
    this.comm = kernel.createComm(TARGET);
  }

  get isClosed(): boolean {
    return this.comm.isDisposed;
  }

  /** The first message; before the comm has its shell it would go to the one that runs cells. */
  async open(data: JSONObject): Promise<void> {
    if (this.subshell === null) {
      const { subshellStarted, commsOverSubshells } = this.comm as Subshelled;
      if (this.kernel.supportsSubshells && commsOverSubshells !== 'disabled') {
        const started = subshellStarted?.catch(() => undefined); // without one it is slower
        await Promise.race([started, after(LATE, undefined)]);
      }
      if (!this.isClosed) {
        this.comm.open(data);
      }
    } else {
      post(this.kernel, this.subshell, 'comm_open', {
        comm_id: this.comm.commId,
        target_name: this.comm.targetName,
        data
      });
    }
  }

  send(data: JSONObject): void {
    if (this.subshell === null) {
      this.comm.send(data);
    } else {
      post(this.kernel, this.subshell, 'comm_msg', { comm_id: this.comm.commId, data });
    }
  }

  /** Ends the comm; a kernel that goes on is told. */
  close(): void {
    const { comm, kernel } = this;
    if (comm.isDisposed) {
      return;
    }
    comm.onClose = () => undefined;
    if (kernel.isDisposed || kernel.status === 'dead' || kernel.connectionStatus !== 'connected') {
      comm.dispose();
    } else {
      comm.close();
    }
  }
}

/**
 * A subshell of our own, where JupyterLab cannot make one; else `null`.
 *
 * If the page was loaded while a cell ran, the kernel does not even say what it is until the cell ends, and before
 * that JupyterLab starts no subshell. The control channel is free.
 */
export async function ownSubshell(kernel: Kernel.IKernelConnection): Promise<string | null> {
  const known = kernel.info.then(() => null);
  if ((await Promise.race([known, after(SOON, 'busy')])) === null) {
    return null;
  }
  const request = KernelMessage.createMessage<KernelMessage.ICreateSubshellRequestMsg>({
    msgType: 'create_subshell_request',
    channel: 'control',
    username: kernel.username,
    session: kernel.clientId,
    content: {}
  });
  const made = kernel.sendControlMessage(request, true).done;
  // a kernel that has no subshells does not answer
  return Promise.race([made.then(reply => (reply as KernelMessage.ICreateSubshellReplyMsg).content.subshell_id), known]);
}

/** Whether the extension is loaded into a kernel. */
export async function isLoaded(kernel: Kernel.IKernelConnection, subshell: string | null): Promise<boolean> {
  const reply = await post(kernel, subshell, 'comm_info_request', { target_name: TARGET }, true).done;
  const { content } = reply as KernelMessage.ICommInfoReplyMsg;
  return content.status === 'ok' && Object.keys(content.comms).length > 0;
}

function post(
  kernel: Kernel.IKernelConnection,
  subshell: string | null,
  kind: 'comm_open' | 'comm_msg' | 'comm_info_request',
  content: JSONObject,
  answered = false
): Kernel.IShellFuture {
  const message = KernelMessage.createMessage({
    msgType: kind,
    channel: 'shell',
    username: kernel.username,
    session: kernel.clientId,
    subshellId: subshell ?? kernel.subshellId,
    content
  } as KernelMessage.IOptions<KernelMessage.ICommInfoRequestMsg>);
  return kernel.sendShellMessage(message, answered);
}

/** Gives a value after some milliseconds. */
export function after<T>(milliseconds: number, value: T): Promise<T> {
  return new Promise(resolve => {
    setTimeout(() => {
      resolve(value);
    }, milliseconds);
  });
}
