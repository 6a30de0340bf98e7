/** What a cell is to the pipeline, told in a line above it. */

import { progressOf } from './dag/progress.js';
import type { CellView, Snapshot, StageView } from './protocol.js';

/** What a badge says; equal ones need no repainting. */
export interface Badge {
  kind: 'stage' | 'helper' | 'edited';
  state: string;
  icon: string;
  text: string;
  /** All of it, for the tip of the mouse and for screen readers. */
  full: string;
  stages: string[];
}

/** So many stages are named on a helper's cell; of more, the number. */
const FEW = 3;

const HEAD = /^(?:\s*#.*\n|\s*\n)*\s*%%pivot_stage\b/;

/** The badge of a cell; `null` for a cell that is none of the pipeline's. */
export function badgeOf(cell: CellView | undefined, text: string, stages: Map<string, StageView>): Badge | null {
  if (!cell) {
    return HEAD.test(text) ? plain('edited', '◌', 'not run yet', []) : null;
  }
  const own = cell.stages.map(name => stages.get(name)).filter(stage => stage !== undefined);
  if (own.length === 0 && cell.used_by.length === 0) {
    return null;
  }
  if (text !== cell.text) {
    return plain('edited', '✎', 'edited, not run yet', cell.stages);
  }
  if (own.length === 0) {
    const full = `used by ${cell.used_by.join(', ')}`;
    const text = cell.used_by.length > FEW ? `used by ${cell.used_by.length} stages` : full;
    return { ...plain('helper', '', text, cell.used_by), full };
  }
  const lines = own.map(stage => {
    const name = own.length > 1 ? `${stage.name}: ` : '';
    return name + [stage.phrase, progressOf(stage.progress), stage.reason].filter(Boolean).join(' · ');
  });
  const [first] = own;
  return {
    kind: 'stage',
    state: first?.state ?? '',
    icon: first?.icon ?? '',
    text: lines.join('   '),
    full: lines.join('\n'),
    stages: cell.stages
  };
}

function plain(kind: Badge['kind'], icon: string, text: string, stages: string[]): Badge {
  return { kind, state: kind, icon, text, full: text, stages };
}

/** The stages of a snapshot by name. */
export function stagesOf(snapshot: Snapshot): Map<string, StageView> {
  return new Map(snapshot.stages.map(stage => [stage.name, stage]));
}
