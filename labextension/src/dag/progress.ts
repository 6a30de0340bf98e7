/** How far a stage is, in words. */

import type { ProgressView } from '../protocol.js';

/** ``30 %``, ``epoch 30 %``, or ``37 done`` where nobody knows of how many. */
export function progressOf(progress: ProgressView | null): string {
  if (progress === null) {
    return '';
  }
  const { done, total, text } = progress;
  const share = total ? `${Math.floor(Math.min(1, done / total) * 100)} %` : `${done} done`;
  return text === '' ? share : `${text} ${share}`;
}
