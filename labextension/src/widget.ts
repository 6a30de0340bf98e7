/** The graph as an anywidget: what `%pivot dag --widget` shows in any front end that can show widgets. */

import { DagView } from './dag/view.js';
import { type Detail, type Done, type Failed, type FromBrowser, type FromKernel, PROTOCOL, type Snapshot } from './protocol.js';

/** What anywidget gives us. */
interface Model {
  get(name: 'snapshot'): Snapshot;
  on(event: 'change:snapshot', heard: () => void): void;
  on(event: 'msg:custom', heard: (message: FromKernel) => void): void;
  off(event: string, heard: unknown): void;
  send(message: unknown): void;
}

type Body<K extends FromBrowser['kind']> = Omit<Extract<FromBrowser, { kind: K }>, 'kind' | 'request'>;

/** Milliseconds until somebody who asked is told that nobody answers. */
const PATIENCE = 30_000;

function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const wire = new Wire(model);
  let run = '';
  const view = new DagView({
    ask: async stage => {
      const answer = await wire.ask('AskDetail', { stage });
      if (answer.kind !== 'Detail') {
        throw new Error('The kernel gave no details');
      }
      return answer;
    },
    start: (targets, options) => wire.ask('Start', { targets, ...options }),
    stop: stages => wire.ask('Stop', { run, stages })
  });
  let seq = 0;
  const shown = (): void => {
    const snapshot = model.get('snapshot');
    seq = snapshot.seq;
    run = snapshot.run?.run ?? '';
    view.show(snapshot);
  };
  const heard = (message: FromKernel): void => {
    if (message.kind === 'Log') {
      view.log(message.stage, message.log);
    } else if (message.kind === 'Detail' || message.kind === 'Done' || message.kind === 'Failed') {
      wire.hear(message);
    } else if (message.kind !== 'Change') {
      return; // a snapshot comes as the model's, and what is told without a graph is not for here
    } else if (message.seq === seq + 1) {
      seq = message.seq;
      run = message.run?.run ?? '';
      view.change(message);
    } else if (message.seq > seq) {
      wire.hello(); // something was lost on the way
    }
  };
  model.on('change:snapshot', shown);
  model.on('msg:custom', heard);
  el.classList.add('pivot-widget');
  el.append(view.node);
  shown();
  wire.hello();
  return () => {
    model.off('change:snapshot', shown);
    model.off('msg:custom', heard);
    wire.dispose();
    view.dispose();
  };
}

/** Questions to the kernel, and who waits for the answers. */
class Wire {
  private readonly waiting = new Map<
    number,
    { resolve: (answer: Detail | Done) => void; reject: (error: Error) => void; clock: number }
  >();
  /** Several views of one model have numbers of their own: all hear all answers. */
  private last = Math.floor(Math.random() * 2 ** 40);

  constructor(private readonly model: Model) {}

  hello(): void {
    this.last += 1;
    this.model.send({ kind: 'Hello', request: this.last, protocol: PROTOCOL, version: '' });
  }

  ask<K extends Exclude<FromBrowser['kind'], 'Hello'>>(kind: K, body: Body<K>): Promise<Detail | Done> {
    this.last += 1;
    const request = this.last;
    return new Promise((resolve, reject) => {
      const clock = window.setTimeout(() => {
        this.waiting.delete(request);
        reject(new Error('The kernel is busy or gone. Run the cell again if it was restarted.'));
      }, PATIENCE);
      this.waiting.set(request, { resolve, reject, clock });
      this.model.send({ kind, request, ...body });
    });
  }

  hear(message: Detail | Done | Failed): void {
    const asked = this.waiting.get(message.request);
    this.waiting.delete(message.request);
    window.clearTimeout(asked?.clock);
    if (message.kind === 'Failed') {
      asked?.reject(new Error([message.message, message.hint].filter(Boolean).join('\n')));
    } else {
      asked?.resolve(message);
    }
  }

  dispose(): void {
    for (const { clock } of this.waiting.values()) {
      window.clearTimeout(clock);
    }
    this.waiting.clear();
  }
}

export default { render };
