/** The JupyterLab extension: badges, panel, toolbar, palette, status bar. */

import { ILabShell, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { Widget } from '@lumino/widgets';

import { element } from './dag/element.js';
import { addCommands, PALETTE } from './commands.js';
import { ICON } from './icon.js';
import { openMenu } from './menu.js';
import { historyOf } from './history.js';
import { metricsOf } from './metrics.js';
import { complain } from './notice.js';
import { PipelinePanel, type Shown } from './panel.js';
import { Gallery, plotsOf } from './plots.js';
import { Project } from './project.js';
import { rendererFactory } from './render.js';
import { Section } from './sections.js';
import { Server } from './server.js';
import { Sessions } from './session.js';
import { VERSION } from './version.js';

const ID = 'pivot-labextension:plugin';

const plugin: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'The pipeline of a notebook beside its cells.',
  autoStart: true,
  requires: [INotebookTracker, IRenderMimeRegistry],
  optional: [ILabShell, ICommandPalette, IStatusBar, ISettingRegistry, IDefaultFileBrowser],
  activate
};

function activate(
  app: JupyterFrontEnd,
  tracker: INotebookTracker,
  rendermime: IRenderMimeRegistry,
  _lab: ILabShell | null,
  palette: ICommandPalette | null,
  bar: IStatusBar | null,
  registry: ISettingRegistry | null,
  browser: IDefaultFileBrowser | null
): void {
  const server = new Server(app.serviceManager.serverSettings);
  const panel = panelOf(app, server);
  if (browser) {
    const browse = (): void => {
      panel.browse(app.serviceManager.contents.localPath(browser.model.path));
    };
    browser.model.pathChanged.connect(browse);
    void browser.model.restored.then(browse);
  }
  panel.title.icon = ICON;
  const sessions = new Sessions(
    tracker,
    VERSION,
    (notebook, asked) => {
      openMenu(app, notebook, asked);
    },
    (notebook, order) => {
      const path = PathExt.dirname(app.serviceManager.contents.localPath(notebook));
      return server.post('stop', { path, ...order });
    }
  );
  rendermime.addFactory(
    rendererFactory(node => {
      const shown = sessions.around(node);
      const show = (stage: string): void => {
        if (shown) {
          goToCell(app, shown, stage);
        }
      };
      return shown && { link: shown.link, show };
    })
  );
  addCommands(app, () => sessions, panel);
  for (const command of PALETTE) {
    palette?.addItem({ command, category: 'Pivot' });
  }
  app.shell.add(panel, 'left', { rank: 850, type: 'Pipeline' });
  const said = element('button', { class: 'pivot-status', type: 'button', title: 'Show the pipeline' });
  said.addEventListener('click', () => void app.commands.execute('pivot:show'));
  const status = new Widget({ node: said });
  let told = true;
  const refresh = (): void => {
    const { current } = sessions;
    panel.look(current);
    const summary = told ? (current?.link.snapshot?.summary ?? '') : '';
    said.textContent = summary === '' ? '' : `Pivot: ${summary}`;
    app.commands.notifyCommandChanged();
  };
  sessions.changed.connect(refresh);
  bar?.registerStatusItem('pivot-labextension:status', {
    item: status,
    align: 'middle',
    isActive: () => said.textContent !== '',
    activeStateChanged: sessions.changed
  });
  if (registry) {
    void registry.load(ID).then(settings => {
      const apply = (): void => {
        sessions.showBadges(settings.get('badges').composite !== false);
        panel.arrange(settings.get('sections').composite as string[]);
        told = settings.get('status').composite !== false;
        refresh();
      };
      settings.changed.connect(apply);
      apply();
    });
  }
  refresh();
}

/** The panel with its sections, which ask the server. */
function panelOf(app: JupyterFrontEnd, server: Server): PipelinePanel {
  const { contents } = app.serviceManager;
  const gallery = (path: string, query: { old: string; new?: string }): void => {
    void server
      .get('gallery', { path, ...query })
      .then(({ html }) => {
        app.shell.add(new Gallery(`Plots ${path.split('/').pop() ?? ''}`.trim(), html), 'main');
      })
      .catch(complain);
  };
  const sections = [
    new Section(
      'History',
      historyOf(server, (path, old, now) => {
        gallery(path, { old, new: now });
      })
    ),
    new Section('Metrics', metricsOf(server)),
    new Section(
      'Plots',
      plotsOf(server, contents, (path, old) => {
        gallery(path, { old });
      })
    )
  ];
  const project = new Project(server, complain);
  return new PipelinePanel(project, sections, (shown, stage) => {
    goToCell(app, shown, stage);
  });
}

/** Brings the cell that defines a stage into view, however the notebook shows its cells. */
function goToCell(app: JupyterFrontEnd, { notebook, link }: Shown, stage: string): void {
  const id = link.snapshot?.cells.find(cell => cell.stages.includes(stage))?.cell;
  const index = notebook.content.widgets.findIndex(cell => cell.model.id === id);
  if (index >= 0) {
    app.shell.activateById(notebook.id);
    notebook.content.activeCellIndex = index;
    void notebook.content.scrollToItem(index);
  }
}

export default plugin;
