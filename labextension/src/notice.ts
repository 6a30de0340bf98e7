/** What came of a request is told, whoever asked and wherever. */

import { Notification } from '@jupyterlab/apputils';

import type { Detail, Done } from './protocol.js';

/** So long an answer may take before we say why, in milliseconds. */
const PATIENCE = 2000;

/** Tells of the end of a request that a person made; never rejects. */
export async function tell(asked: Promise<Detail | Done>): Promise<void> {
  const slow = setTimeout(() => {
    Notification.info('Pivot: the kernel is busy. This is done when the running cell has ended.', { autoClose: 5000 });
  }, PATIENCE);
  try {
    const answer = await asked;
    if (answer.kind === 'Done' && answer.text !== '') {
      Notification.success(answer.text, { autoClose: 5000 });
    }
  } catch (error) {
    complain(error);
  } finally {
    clearTimeout(slow);
  }
}

/** Tells why something could not be done, until it is put away. */
export function complain(error: unknown): void {
  Notification.error(error instanceof Error ? error.message : String(error), { autoClose: false });
}
