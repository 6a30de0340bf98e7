import { LabIcon } from '@jupyterlab/ui-components';

/** Two stages that feed a third. */
export const ICON = new LabIcon({
  name: 'pivot:pipeline',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 16 16">
  <g class="jp-icon3" fill="#616161"><path d="M3.5 4.75h4.2a1.5 1.5 0 0 1 1.3.75l1.2 2.1h2.3v-1l2.5 1.75-2.5 1.75v-1H10.2L9 11.2a1.5 1.5 0 0 1-1.3.75H3.5v-1.5h4l1.1-2-1.1-2.2h-4z"/>
  <circle cx="2.75" cy="5.5" r="1.9"/><circle cx="2.75" cy="11.2" r="1.9"/></g></svg>`
});
