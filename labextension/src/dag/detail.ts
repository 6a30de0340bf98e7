/** All that is known of one stage, beside the picture. */

import { AnsiUp } from 'ansi_up';

import type { Detail, Log, Preview, Row, StageView, Why } from '../protocol.js';
import { element } from './element.js';
import { progressOf } from './progress.js';

/** What a person can ask for; what is not there has no button. */
export interface Actions {
  ask?: (stage: string) => Promise<Detail>;
  start?: (targets: string[], options: { force: boolean; single: boolean }) => Promise<unknown>;
  /** Ends some stages of the run, or with none named all of it. */
  stop?: (stages: string[]) => Promise<unknown>;
  /** Shows the cell that defines the stage. */
  show?: (stage: string) => void;
  /** Hears of the logs that grow, until what it gives is called. */
  follow?: (heard: (log: Log) => void) => () => void;
}

/** The head of the pane: it changes with the stage's state. */
export function head(stage: StageView): HTMLElement {
  const said = [stage.phrase, stage.reason].filter(Boolean).join(': ');
  const far = progressOf(stage.progress);
  return element(
    'p',
    { class: 'pivot-state', 'data-state': stage.state },
    element('span', { class: 'pivot-icon', 'aria-hidden': 'true' }, stage.icon),
    ` ${[said, far].filter(Boolean).join(' · ')}`
  );
}

/** The sections of the pane; those that hold nothing are left out. */
export function sections(detail: Detail): HTMLElement[] {
  return [
    part('why', 'Why', detail.why.map(reason)),
    part('traceback', 'Traceback', terminal(detail.traceback)),
    part(LOG, 'Log', terminal(detail.log)),
    part('outs', 'Outs', table(detail.outs)),
    part('preview', 'Preview', detail.previews.map(picture)),
    part('params', 'Params', table(detail.params)),
    part('deps', 'Deps', table(detail.deps)),
    part('durations', 'Last runs', table(detail.durations))
  ].filter(found => found !== null);
}

/** A way to ask for something, which may be refused. */
export interface Order {
  label: string;
  title: string;
  give: () => Promise<unknown>;
}

/** What can be asked for a stage; while a run is under way no other one can begin. */
export function orders(stage: StageView, going: boolean, { start, stop, show }: Actions): Order[] {
  const { name } = stage;
  const made: Order[] = [];
  if (start && !going) {
    made.push(
      {
        label: 'Run',
        title: 'Run this stage only, if something has changed',
        give: () => start([name], { force: false, single: true })
      },
      {
        label: 'Run to here',
        title: 'Run this stage and what it needs, where something has changed',
        give: () => start([name], { force: false, single: false })
      },
      {
        label: 'Force',
        title: 'Run this stage although nothing has changed',
        give: () => start([name], { force: true, single: true })
      }
    );
  }
  if (stop && going && (stage.state === 'running' || stage.state === 'queued')) {
    made.push({ label: 'Stop', title: 'Stop this stage; the run goes on without it', give: () => stop([name]) });
  }
  if (show) {
    made.push({
      label: 'Go to cell',
      title: 'Show the cell that defines this stage',
      give: () => {
        show(name);
        return Promise.resolve();
      }
    });
  }
  return made;
}

export function button(label: string, title: string, press: () => void): HTMLButtonElement {
  const made = element('button', { class: 'pivot-button', type: 'button', title }, label);
  made.addEventListener('click', press);
  return made;
}

/** The section that follows what a stage writes. */
export const LOG = 'log';

function part(name: string, title: string, content: HTMLElement[]): HTMLElement | null {
  return content.length === 0
    ? null
    : element('section', { 'data-part': name }, element('h4', {}, title), ...content);
}

/** The section of a log that holds nothing yet. */
export function emptyLog(): HTMLElement {
  return element('section', { 'data-part': LOG }, element('h4', {}, 'Log'), element('pre', { tabindex: '0' }));
}

/** Text of a terminal as HTML: what is not a colour is escaped. */
export function coloured(text: string): string {
  const colours = new AnsiUp();
  colours.use_classes = true;
  colours.url_allowlist = {}; // a link would lead away from the notebook
  return colours.ansi_to_html(text);
}

function terminal(content: string): HTMLElement[] {
  if (content.trim() === '') {
    return [];
  }
  const made = element('pre', { tabindex: '0' });
  made.innerHTML = coloured(content);
  return [made];
}

function reason(why: Why): HTMLElement {
  const lines = why.diff.map(line => {
    const kind = line.startsWith('+') ? 'added' : line.startsWith('-') ? 'removed' : 'same';
    return element('span', { class: `pivot-line-${kind}` }, `${line}\n`);
  });
  const diff = lines.length === 0 ? [] : [element('pre', {}, ...lines)];
  return element('div', { class: 'pivot-why' }, element('code', {}, why.title), ...table(why.rows), ...diff);
}

function table(rows: Row[]): HTMLElement[] {
  const lines = rows.map(({ name, value }) =>
    element('tr', {}, element('th', { scope: 'row' }, name), element('td', {}, value))
  );
  return lines.length === 0 ? [] : [element('table', {}, element('tbody', {}, ...lines))];
}

function picture(preview: Preview): HTMLElement {
  const shown = preview.mime.startsWith('image/') && preview.data.startsWith('data:image/')
    ? element('img', { src: preview.data, alt: preview.path })
    : element('pre', { tabindex: '0' }, preview.data);
  return element('figure', {}, shown, element('figcaption', {}, preview.path));
}
