import { dialog, type BrowserWindow } from 'electron';

const LEAVE = 0;
const STAY = 1;

/**
 * Asks before a page with unsaved changes goes away. The page says that it has some as in any browser, by cancelling
 * `beforeunload`; a browser would ask by itself, a window of ours would silently stay open.
 */
export function guardUnsavedChanges(window: BrowserWindow): void {
  window.webContents.on('will-prevent-unload', (event) => {
    const choice = dialog.showMessageBoxSync(window, {
      type: 'warning',
      message: 'The experiment has changes that are not saved.',
      detail: 'They are lost if you leave now.',
      buttons: ['Leave without saving', 'Stay'],
      defaultId: STAY,
      cancelId: STAY,
    });
    // Here, preventing the default means to ignore the page's objection.
    if (choice === LEAVE) event.preventDefault();
  });
}
