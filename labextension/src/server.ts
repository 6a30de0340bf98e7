/** The routes of the server: what is known of a pipeline without a kernel. */

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import type { Snapshot } from './protocol.js';

/** The pipeline of a folder. `project` is `null` where there is none. */
export interface ProjectAnswer {
  project: string | null;
  defined: boolean;
  title?: string;
  python?: string;
  notices?: string[];
  /** Pivot was never used there: its code is not run before somebody wants it. */
  fresh?: boolean;
  snapshot: Snapshot | null;
}

export interface PastRun {
  id: string;
  began: string | null;
  seconds: number | null;
  state: string;
  counts: Record<string, number>;
  targets: string[];
}

export interface PastStage {
  name: string;
  outcome: string | null;
  reason: string;
  seconds: number;
}

export interface MetricRow {
  file: string;
  key: string;
  old?: unknown;
  new?: unknown;
  change?: number;
}

export interface Metrics {
  old: string;
  new: string;
  compared: boolean;
  metrics: MetricRow[];
  notices: string[];
}

export interface Difference {
  old: string;
  new: string;
  stages: { name: string; what: string; reason: string }[];
  metrics: MetricRow[];
  notices: string[];
}

export interface Plot {
  file: string;
  stage: string;
  digest: string | null;
  served: string | null;
}

/** What each route answers. */
export interface Answers {
  project: ProjectAnswer;
  detail: import('./protocol.js').Detail;
  history: { runs: PastRun[] };
  past: PastRun & { stages: PastStage[] };
  compare: Difference;
  metrics: Metrics;
  plots: { plots: Plot[]; notices: string[] };
  gallery: { html: string };
}

/** A server without our routes. */
export class NoRoutes extends Error {}

export class Server {
  constructor(private readonly settings: ServerConnection.ISettings) {}

  async get<K extends keyof Answers>(route: K, query: Record<string, string>): Promise<Answers[K]> {
    return (await (await this.send(route, query)).json()) as Answers[K];
  }

  async post(route: 'run' | 'stop', body: object): Promise<void> {
    await this.send(route, {}, { method: 'POST', body: JSON.stringify(body) });
  }

  /** The messages of the run that is under way, until it is over. */
  async *events(path: string): AsyncGenerator {
    const { body } = await this.send('events', { path });
    const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
      const lines = (rest + read.value).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        yield JSON.parse(line);
      }
    }
  }

  private async send(route: string, query: Record<string, string>, init: RequestInit = {}): Promise<Response> {
    const address = URLExt.join(this.settings.baseUrl, 'pivot', route) + URLExt.objectToQueryString(query);
    const answer = await ServerConnection.makeRequest(address, init, this.settings);
    if (answer.ok) {
      return answer;
    }
    const said = (await answer.json().catch(() => ({}))) as { message?: string; hint?: string };
    if (answer.status === 404 && said.hint === undefined) {
      throw new NoRoutes(
        'The Jupyter server has no Pivot: install it in the environment of JupyterLab and start it again.'
      );
    }
    throw new Error([said.message, said.hint].filter(Boolean).join('\n') || answer.statusText);
  }
}
