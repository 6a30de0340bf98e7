/** The plots of a project: small ones below the graph, all of them on a page of their own. */

import { DOMUtils } from '@jupyterlab/apputils';
import type { Contents } from '@jupyterlab/services';
import { Widget } from '@lumino/widgets';

import { button } from './dag/detail.js';
import { element } from './dag/element.js';
import { type Load, note } from './sections.js';
import type { Plot, Server } from './server.js';

const PICTURES = /\.(png|jpe?g|gif|webp|svg)$/i;
const PAGES = /\.html?$/i;

/** The plots as they are now; `gallery` shows them on one page, beside those of an older state if one is named. */
export function plotsOf(
  server: Server,
  contents: Contents.IManager,
  gallery: (path: string, old: string) => void
): Load {
  return async path => {
    const { plots, notices } = await server.get('plots', { path });
    if (plots.length === 0) {
      return [note('No plots: no stage has a pivot.Plot.'), ...notices.map(note)];
    }
    const buttons = element(
      'p',
      { class: 'pivot-buttons' },
      button('Large', 'Show all plots on one page', () => {
        gallery(path, '');
      }),
      button('Beside HEAD', 'Show all plots next to those of the last commit', () => {
        gallery(path, 'HEAD');
      })
    );
    const figures = await Promise.all(plots.map(plot => figure(plot, contents)));
    return [buttons, element('div', { class: 'pivot-plots' }, ...figures), ...notices.map(note)];
  };
}

async function figure(plot: Plot, contents: Contents.IManager): Promise<HTMLElement> {
  const caption = element('figcaption', { title: `${plot.file}, of ${plot.stage}` }, plot.file);
  if (plot.served === null) {
    return element('figure', {}, note(plot.digest === null ? 'not there' : 'no preview'), caption);
  }
  if (!PICTURES.test(plot.file) && !PAGES.test(plot.file)) {
    return element('figure', {}, note('a table: see Large'), caption);
  }
  const plain = await contents.getDownloadUrl(plot.served);
  const address = `${plain}${plain.includes('?') ? '&' : '?'}v=${plot.digest ?? ''}`;
  const shown = PICTURES.test(plot.file)
    ? element('img', { src: address, alt: plot.file, loading: 'lazy' })
    : element('iframe', { src: address, title: plot.file, sandbox: 'allow-scripts', loading: 'lazy' });
  return element('figure', {}, shown, caption);
}

/** A page with all plots. What it holds is the project's own, so it can reach nothing outside its frame. */
export class Gallery extends Widget {
  constructor(title: string, html: string) {
    super();
    this.id = DOMUtils.createDomID();
    this.addClass('pivot-gallery');
    this.title.label = title;
    this.title.closable = true;
    this.node.append(element('iframe', { srcdoc: html, title, sandbox: 'allow-scripts' }));
  }
}
