/** How far a stage is, in words. */

import type { ProgressView } from '../protocol.js';

/** From so many steps on (bytes, most often) a share says more than their number. */
const MOST_STEPS = 100_000;

/** ``30 of 100, 2 failed``, ``30 %`` where the numbers say nothing, ``37 done`` where nobody knows of how many. */
export function countOf(progress: ProgressView | null): string {
  if (progress === null) {
    return '';
  }
  const { done, total, failed } = progress;
  const told = [];
  if (total) {
    const whole = Number.isInteger(done) && Number.isInteger(total) && total < MOST_STEPS;
    told.push(whole ? `${done} of ${total}` : `${Math.floor(Math.min(1, done / total) * 100)} %`);
  } else if (done) {
    told.push(`${done} done`);
  }
  if (failed) {
    told.push(`${failed} failed`);
  }
  return told.join(', ');
}

/** The same after what the stage does: ``epoch 30 of 100``. */
export function progressOf(progress: ProgressView | null): string {
  return [progress?.text, countOf(progress)].filter(Boolean).join(' ');
}

/** From 0 to 1; 0 where nobody knows. */
export function shareOf(progress: ProgressView | null): number {
  return progress?.total ? Math.min(1, progress.done / progress.total) : 0;
}
