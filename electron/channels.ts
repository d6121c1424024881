/** Names of the channels between the page and the main process. */
export const channels = {
  /** Page to main, answered: `(name, params)` of the application API. */
  call: 'stepadapt:call',
  /** Page to main, answered: `(name, params)` of the desktop host's own commands. */
  desktop: 'stepadapt:desktop',
  /** Page to main, with a port: events go through the port until it is closed. */
  subscribe: 'stepadapt:subscribe',
  /** Page to main: paths of files that were dropped on the window. */
  dropped: 'stepadapt:dropped',
  /** Page to main: the page listens for projects from now on. */
  ready: 'stepadapt:ready',
  /** Main to page: a project to show. */
  openProject: 'stepadapt:open-project',
} as const;
