/** What a graph on the page can ask of a kernel. */

import type { Actions } from './dag/detail.js';
import type { Link } from './link.js';
import type { Log } from './protocol.js';

/** The actions over a wire; `show` brings the cell of a stage into view. */
export function actionsOf(link: Link, show: (stage: string) => void): Actions {
  return {
    ask: async stage => {
      const answer = await link.ask('AskDetail', { stage });
      if (answer.kind !== 'Detail') {
        throw new Error('The kernel gave no details');
      }
      return answer;
    },
    start: (targets, options) => link.ask('Start', { targets, ...options }),
    stop: stages => link.stop(stages),
    show,
    follow: heard => {
      const pass = (_: Link, log: Log): void => {
        heard(log);
      };
      link.logged.connect(pass);
      return () => {
        link.logged.disconnect(pass);
      };
    }
  };
}
