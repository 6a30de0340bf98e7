/** What can be done with the pipeline of the notebook in front: commands of the palette, the toolbar and the menus. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { ICON } from './icon.js';
import type { Link } from './link.js';
import { complain, tell } from './notice.js';
import type { Project } from './project.js';
import type { PipelinePanel } from './panel.js';
import type { Sessions } from './session.js';

const STAGE = {
  type: 'object',
  properties: { stage: { type: 'string', description: 'A stage; left out, the whole pipeline.' } }
} as const;

const ONE_STAGE = {
  type: 'object',
  properties: { stage: { type: 'string', description: 'A stage; left out, that of the active cell.' } }
} as const;

const NOTHING = { type: 'object', properties: {} } as const;

/** The parts of a stage's details that can be asked for, and what the menu calls them. */
const PARTS: Readonly<Record<string, string>> = { why: 'Why', log: 'Log', outs: 'Show Outputs' };

/** The commands that belong into the palette. */
export const PALETTE = [
  'pivot:run',
  'pivot:run-stage',
  'pivot:force',
  'pivot:stop',
  'pivot:stop-stage',
  'pivot:export',
  'pivot:show',
  'pivot:menu'
];

/** Registers them. */
export function addCommands(app: JupyterFrontEnd, sessions: () => Sessions, panel: PipelinePanel): void {
  const { commands } = app;
  const ready = (): boolean => Boolean(sessions().current?.link.snapshot);
  const going = (): boolean => sessions().current?.link.snapshot?.run?.going ?? false;
  const ask = async (act: (link: Link) => ReturnType<Link['ask']>): Promise<void> => {
    const current = sessions().current;
    if (current) {
      await tell(act(current.link));
    }
  };
  // where no notebook has one, the pipeline of the folder that the panel shows
  const folder = (): Project | null => (ready() ? null : panel.folderProject);
  const idle = (project: Project | null): boolean => Boolean(project?.snapshot && !project.snapshot.run?.going);
  const stagesOf = ({ stage }: ReadonlyPartialJSONObject): string[] =>
    typeof stage === 'string' ? [stage] : sessions().activeStages;
  const startable = (args: ReadonlyPartialJSONObject): boolean => ready() && !going() && stagesOf(args).length > 0;
  const stop = async (stages: string[]): Promise<void> => {
    await sessions().current?.link.stop(stages).catch(complain);
  };
  const stoppable = (names: string[]): string[] => {
    const { stages = [], run } = sessions().current?.link.snapshot ?? {};
    const open = stages.filter(({ state }) => state === 'running' || state === 'queued').map(({ name }) => name);
    return run?.going ? names.filter(name => open.includes(name)) : [];
  };
  commands.addCommand('pivot:run', {
    label: args => (args.toolbar ? 'Run pipeline' : args.stage ? 'Run to Here' : 'Run Pipeline'),
    icon: args => (args.toolbar ? ICON : undefined),
    caption: 'Run the stages in which something has changed',
    describedBy: { args: STAGE },
    isEnabled: ({ toolbar }) => (ready() && !going()) || (toolbar !== true && idle(folder())),
    execute: args => {
      const targets = typeof args.stage === 'string' ? [args.stage] : [];
      const how = { force: false, single: false };
      return folder()?.start(targets, how).catch(complain) ?? ask(link => link.ask('Start', { targets, ...how }));
    }
  });
  commands.addCommand('pivot:run-stage', {
    label: args => (args.stage ? 'Run' : 'Run Stage of the Cell'),
    caption: 'Run this stage only, if something has changed',
    describedBy: { args: ONE_STAGE },
    isEnabled: startable,
    execute: args => ask(link => link.ask('Start', { targets: stagesOf(args), force: false, single: true }))
  });
  commands.addCommand('pivot:force', {
    label: args => (args.stage ? 'Force' : 'Force Stage of the Cell'),
    caption: 'Run this stage although nothing has changed',
    describedBy: { args: ONE_STAGE },
    isEnabled: startable,
    execute: args => ask(link => link.ask('Start', { targets: stagesOf(args), force: true, single: true }))
  });
  commands.addCommand('pivot:stop', {
    label: 'Stop Pipeline',
    caption: 'Stop the run that is under way',
    describedBy: { args: NOTHING },
    isEnabled: () => going() || (folder()?.snapshot?.run?.going ?? false),
    execute: () => folder()?.stop([]).catch(complain) ?? stop([])
  });
  commands.addCommand('pivot:stop-stage', {
    label: args => (args.stage ? 'Stop' : 'Stop Stage of the Cell'),
    caption: 'Stop this stage; the run goes on without it',
    describedBy: { args: ONE_STAGE },
    isEnabled: args => stoppable(stagesOf(args)).length > 0,
    execute: async args => {
      const stages = stoppable(stagesOf(args));
      if (stages.length > 0) {
        await stop(stages); // none would mean all
      }
    }
  });
  commands.addCommand('pivot:export', {
    label: args => (args.toolbar ? 'Export' : 'Export Pipeline'),
    caption: 'Write the module and pivot.yaml beside the notebook',
    describedBy: { args: NOTHING },
    isEnabled: ready,
    execute: () => ask(link => link.ask('Export', {}))
  });
  addShowing(app, sessions, panel);
}

/** Those that only show something, and what the menu of a badge needs besides. */
function addShowing({ commands, shell }: JupyterFrontEnd, sessions: () => Sessions, panel: PipelinePanel): void {
  commands.addCommand('pivot:show', {
    label: ({ part }) => (typeof part === 'string' ? PARTS[part] : undefined) ?? 'Show Pipeline',
    caption: 'The graph of the pipeline, and the details of a stage',
    describedBy: {
      args: {
        type: 'object',
        properties: { ...STAGE.properties, part: { type: 'string', enum: Object.keys(PARTS) } }
      }
    },
    execute: ({ stage, part }) => {
      shell.activateById(panel.id);
      if (typeof stage === 'string') {
        panel.select(stage, typeof part === 'string' ? part : '');
      }
    }
  });
  commands.addCommand('pivot:run-cell', {
    label: 'Run Cell',
    caption: 'Run the active cell: what is typed counts from then on',
    describedBy: { args: NOTHING },
    execute: () => commands.execute('notebook:run-cell')
  });
  commands.addCommand('pivot:menu', {
    label: 'Menu of the Cell',
    caption: 'What can be done with the stages of the active cell',
    describedBy: { args: NOTHING },
    isEnabled: () => sessions().activeBadge !== null,
    execute: () => sessions().activeBadge?.click()
  });
}
