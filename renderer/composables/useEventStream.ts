import { onBeforeUnmount } from 'vue';
import { useNoticesStore } from '../stores/notices.js';
import { useProjectsStore } from '../stores/projects.js';
import { useQueueStore } from '../stores/queue.js';
import { useRunStore } from '../stores/run.js';
import { useTransport } from '../transport/useTransport.js';

/** The one listener of the stream: it hands events to the stores they belong to. */
export function useEventStream(): void {
  const transport = useTransport();
  const run = useRunStore();
  const queue = useQueueStore();
  const projects = useProjectsStore();
  const notices = useNoticesStore();

  const stop = transport.subscribe((message) => {
    switch (message.type) {
      case 'hello':
        return;
      case 'reset':
        void run.refresh();
        queue.load().catch(notices.report);
        projects.loadRecent().catch(notices.report);
        return;
      case 'events': {
        run.receive(message.events);
        const jobs = message.events.flatMap((event) => (event.type === 'job' ? [event.job] : []));
        const moved = jobs.some((job) => queue.stateOf(job.id) !== job.state);
        jobs.forEach(queue.update);
        const lastQueue = message.events.findLast((event) => event.type === 'queue');
        if (lastQueue?.type === 'queue') queue.replace(lastQueue.queue);
        if (moved || message.events.some(({ type }) => type === 'projects')) {
          projects.loadRecent().catch(notices.report);
        }
      }
    }
  });
  onBeforeUnmount(stop);
}
