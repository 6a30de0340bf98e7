/** The menu of a cell's badge. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { Menu } from '@lumino/widgets';

import type { Asked } from './marks.js';

/** What a menu offers for one stage; `null` draws a line. */
const ENTRIES: readonly (readonly [string, Record<string, string>] | null)[] = [
  ['pivot:run', {}],
  ['pivot:run-stage', {}],
  ['pivot:force', {}],
  null,
  ['pivot:show', { part: 'why' }],
  ['pivot:show', { part: 'log' }],
  ['pivot:show', { part: 'outs' }]
];

/** Offered for a stage that runs or is going to. */
const STOP = 'pivot:stop-stage';

/** Opens it below the badge; when it closes, the badge has the focus again. */
export function openMenu({ commands }: JupyterFrontEnd, notebook: NotebookPanel, { cell, badge, node }: Asked): void {
  node.focus(); // the notebook that it is in is in front from now on, in every browser
  notebook.content.activeCellIndex = notebook.content.widgets.indexOf(cell);
  const menu = new Menu({ commands });
  if (badge.kind === 'edited') {
    menu.addItem({ command: 'pivot:run-cell' });
  }
  const [only] = badge.stages;
  if (badge.stages.length === 1 && only !== undefined && badge.kind !== 'helper') {
    fill(menu, only);
  } else {
    for (const stage of badge.stages) {
      const submenu = new Menu({ commands });
      submenu.title.label = stage;
      fill(submenu, stage);
      menu.addItem({ type: 'submenu', submenu });
    }
  }
  menu.aboutToClose.connect(() => {
    // a command that was chosen may take the focus: it runs after this
    node.focus();
    setTimeout(() => {
      for (const { submenu } of menu.items) {
        submenu?.dispose();
      }
      menu.dispose();
    });
  });
  const { left, bottom } = node.getBoundingClientRect();
  menu.open(left, bottom);
}

function fill(menu: Menu, stage: string): void {
  if (menu.items.length > 0) {
    menu.addItem({ type: 'separator' });
  }
  if (menu.commands.isEnabled(STOP, { stage })) {
    menu.addItem({ command: STOP, args: { stage } });
    menu.addItem({ type: 'separator' });
  }
  for (const entry of ENTRIES) {
    if (entry === null) {
      menu.addItem({ type: 'separator' });
    } else {
      const [command, args] = entry;
      menu.addItem({ command, args: { ...args, stage } });
    }
  }
}
