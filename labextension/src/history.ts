/** The last runs: what became of each stage, and how two of them differ. */

import { button } from './dag/detail.js';
import { element } from './dag/element.js';
import { metricsTable } from './metrics.js';
import { grid, type Load, note, problem } from './sections.js';
import type { Difference, PastRun, PastStage, Server } from './server.js';

const ICONS: Record<string, string> = {
  ran: '✓',
  restored: '✓',
  unchanged: '●',
  failed: '✗',
  blocked: '⊘',
  cancelled: '■'
};

/** The runs of a project; `plots` shows the plots of two of them. */
export function historyOf(server: Server, plots: (path: string, old: string, now: string) => void): Load {
  return async path => {
    const { runs } = await server.get('history', { path });
    if (runs.length === 0) {
      return [note('No run yet: the history begins with the first one that has something to do.')];
    }
    const result = element('div', { class: 'pivot-compared', 'aria-live': 'polite' });
    const chosen = new Set<string>();
    const compare = button('Compare', 'Show in what the two chosen runs differ', () => {
      // the list is newest first
      const [now, old] = runs.filter(({ id }) => chosen.has(id));
      if (old && now) {
        void fill(result, async () => [
          element('h4', {}, `${when(old)} → ${when(now)}`),
          ...differences(await server.get('compare', { path, old: old.id, new: now.id }), () => {
            plots(path, old.id, now.id);
          })
        ]);
      }
    });
    compare.disabled = true;
    const list = runs.map(run =>
      row(run, () => server.get('past', { path, run: run.id }), chosen, () => {
        compare.disabled = chosen.size !== 2;
      })
    );
    const head = element('p', { class: 'pivot-note' }, 'Choose two runs to compare them. ', compare);
    return [...(runs.length > 1 ? [head] : []), result, element('ul', { class: 'pivot-runs' }, ...list)];
  };
}

function row(
  run: PastRun,
  load: () => Promise<{ stages: PastStage[] }>,
  chosen: Set<string>,
  choose: () => void
): HTMLElement {
  const mark = element('input', { type: 'checkbox', 'aria-label': `Compare the run of ${when(run)}` });
  mark.addEventListener('change', () => {
    if (mark.checked) {
      chosen.add(run.id);
    } else {
      chosen.delete(run.id);
    }
    choose();
  });
  const counts = Object.entries(run.counts).map(([outcome, count]) =>
    element('span', { class: 'pivot-count', 'data-state': stateOf(outcome) }, `${count} ${outcome}`)
  );
  const body = element('div', {});
  const said = element('summary', {}, element('span', { class: 'pivot-when' }, when(run)), ` ${took(run)} `, ...counts);
  const details = element('details', {}, said, body);
  if (run.targets.length > 0) {
    said.append(` ${run.targets.join(' ')}`);
  }
  said.title = `run ${run.id}`;
  details.addEventListener('toggle', () => {
    if (details.open && body.childElementCount === 0) {
      void fill(body, async () => [stages((await load()).stages)]);
    }
  });
  return element('li', {}, mark, details);
}

async function fill(node: HTMLElement, load: () => Promise<HTMLElement[]>): Promise<void> {
  node.replaceChildren(note('Loading …'));
  node.replaceChildren(...(await load().catch((error: unknown) => [problem(error)])));
}

function stages(found: PastStage[]): HTMLElement {
  const lines = found.map(stage => {
    const outcome = stage.outcome ?? 'not ended';
    const said = stage.seconds > 0 ? `${outcome} ${duration(stage.seconds)}` : outcome;
    const icon = element('span', { class: 'pivot-icon', 'aria-hidden': 'true' }, ICONS[outcome] ?? '–');
    const state = element('span', { class: 'pivot-count', 'data-state': stateOf(outcome) }, icon, ` ${said}`);
    const [reason] = stage.reason.split('\n');
    return [stage.name, element('span', { title: stage.reason }, state, reason ? ` ${reason}` : '')];
  });
  return grid(['stage', 'outcome'], lines);
}

function differences(found: Difference, plots: () => void): HTMLElement[] {
  const rows = found.stages.map(stage => [stage.name, `${stage.what}: ${stage.reason}`]);
  const shown = rows.length > 0 ? grid(['stage', 'difference'], rows) : note('No stage differs.');
  const metrics = found.metrics.length > 0 ? [metricsTable(found.metrics, ['before', 'after'])] : [];
  const beside = button('Plots side by side', 'Show the plots of both runs next to each other', plots);
  return [shown, ...metrics, ...found.notices.map(note), element('p', {}, beside)];
}

function when(run: PastRun): string {
  if (run.began === null) {
    return run.id;
  }
  const began = new Date(run.began);
  const time = began.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' });
  const today = began.toDateString() === new Date().toDateString();
  return today ? time : `${began.toLocaleDateString([], { month: 'short', day: 'numeric' })} ${time}`;
}

function took(run: PastRun): string {
  return run.seconds === null ? run.state : duration(run.seconds);
}

/** ``3.1 s``, ``12 s``, ``2 min 05 s``. */
function duration(seconds: number): string {
  if (seconds < 9.95) {
    return `${seconds.toFixed(1)} s`;
  }
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
}

function stateOf(outcome: string): string {
  return outcome === 'unchanged' ? 'cached' : outcome;
}
