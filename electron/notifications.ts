import { Notification } from 'electron';

export interface Notice {
  readonly title: string;
  readonly body: string;
}

/** Tells the user about the end of a job, unless they are looking at the window anyway. A click brings the window up. */
export function notify(notice: Notice, isWatched: boolean, showWindow: () => void): void {
  if (isWatched || !Notification.isSupported()) return;
  const notification = new Notification({ title: notice.title, body: notice.body });
  notification.on('click', showWindow);
  notification.show();
}
