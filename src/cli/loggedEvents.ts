import { RunLog } from '../app/runLog.js';
import type { EventSink } from '../contract/events.js';
import type { Project } from '../project/project.js';
import type { ProgressView } from './progressView.js';

/** Shows the events of a run and keeps what it said in the project's log: a window that is open, or opened later, shows it. */
export function loggedEvents(project: Project, view: ProgressView): { emit: EventSink; settled(): Promise<void> } {
  const log = new RunLog(project.folder);
  return {
    emit(event) {
      view.emit(event);
      log.follow(event, new Date());
    },
    settled: () => log.settled(),
  };
}
