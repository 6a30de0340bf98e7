/** The metrics as a table, with how they differ. */

import { element } from './dag/element.js';
import { grid, type Load, note } from './sections.js';
import type { MetricRow, Server } from './server.js';

const DIGITS = 5;

/** The metrics of a project, beside those of git's HEAD where there are some. */
export function metricsOf(server: Server): Load {
  return async path => {
    const found = await server.get('metrics', { path });
    const notes = found.notices.map(note);
    if (found.metrics.length === 0) {
      return [note('No metrics: no stage has a pivot.Metric.'), ...notes];
    }
    return [metricsTable(found.metrics, found.compared ? ['HEAD', 'now'] : ['now']), ...notes];
  };
}

/** A table of metrics; with two titles of both sides and the difference. */
export function metricsTable(rows: MetricRow[], titles: string[]): HTMLElement {
  const both = titles.length > 1;
  const lines = rows.map(row => {
    const name = element('span', { title: row.file }, row.key === '' ? row.file : row.key);
    return both ? [name, value(row.old), value(row.new), change(row)] : [name, value(row.new)];
  });
  return grid(['metric', ...titles, ...(both ? ['change'] : [])], lines, true);
}

function value(found: unknown): string {
  if (found === undefined || found === null) {
    return '–';
  }
  if (typeof found === 'number') {
    return Number.isInteger(found) ? String(found) : String(Number(found.toPrecision(DIGITS)));
  }
  return typeof found === 'string' ? found : JSON.stringify(found);
}

function change(row: MetricRow): string {
  if (typeof row.change !== 'number' || row.change === 0) {
    return '';
  }
  return `${row.change > 0 ? '+' : '−'}${value(Math.abs(row.change))}`;
}
