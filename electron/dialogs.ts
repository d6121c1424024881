import { join } from 'node:path';
import {
  app,
  dialog,
  type BrowserWindow,
  type MessageBoxOptions,
  type OpenDialogOptions,
  type Session,
} from 'electron';
import { DOCUMENT_EXTENSION } from './documents.js';

/** Asks for a project file. Null if the user thought better of it. */
export async function chooseProject(window: BrowserWindow | null): Promise<string | null> {
  const options: OpenDialogOptions = {
    title: 'Open an experiment',
    defaultPath: app.getPath('documents'),
    properties: ['openFile'],
    filters: [{ name: 'StepAdapt experiment', extensions: [DOCUMENT_EXTENSION] }],
  };
  const answer = await (window === null ? dialog.showOpenDialog(options) : dialog.showOpenDialog(window, options));
  return answer.canceled ? null : (answer.filePaths[0] ?? null);
}

/** Lets the user name the place of every download, beginning in their documents. */
export function askWhereToSave(session: Session): void {
  session.on('will-download', (_event, item) => {
    item.setSaveDialogOptions({ title: 'Save', defaultPath: join(app.getPath('documents'), item.getFilename()) });
  });
}

/** Asks a question with two answers; closing the dialog means no. */
export async function confirm(
  window: BrowserWindow | null,
  question: { message: string; detail?: string; yes: string; no: string },
): Promise<boolean> {
  const options: MessageBoxOptions = {
    type: 'question',
    message: question.message,
    detail: question.detail,
    buttons: [question.yes, question.no],
    defaultId: 1,
    cancelId: 1,
  };
  const answer = await (window === null ? dialog.showMessageBox(options) : dialog.showMessageBox(window, options));
  return answer.response === 0;
}
