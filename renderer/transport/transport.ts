import type { AppTransport, CommandParams } from '../../src/contract/api.js';

/** Whether the stream of events is connected; between two tries the window says so and goes on showing what it has. */
export type Connection = 'connecting' | 'open' | 'reconnecting';

/** The one way from the window to its host. Views and stores never ask which host it is. */
export interface Transport extends AppTransport {
  /** Address of an image by its id. */
  imageUrl(image: string): string;
  /** Address of a file that a command offered for download or reading. */
  fileUrl(url: string): string;
  /** Tells the state of the stream, now and whenever it changes. */
  onConnection(listener: (connection: Connection) => void): () => void;
  /** Lets the person choose a project by the system's own dialog; absent where the host has none. */
  readonly chooseProject?: () => Promise<string | null>;
  /** Tells of projects opened from outside the window; absent where that cannot happen. */
  readonly onOpenProject?: (listener: (project: CommandParams<'projects.open'>) => void) => () => void;
}
