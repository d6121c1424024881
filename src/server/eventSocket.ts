import { z } from 'zod';
import type { WebSocket } from '@fastify/websocket';
import type { Application } from '../app/application.js';
import { safeParse } from '../contract/safeParse.js';

/** Where the reader stopped; both or neither. */
const positionSchema = z.object({ epoch: z.string().max(64), seq: z.coerce.number().int().min(0) });

/** A reader that falls this far behind is let go; it comes back and asks for what it missed. */
const MOST_UNSENT_BYTES = 8 << 20;
/** Proxies and tunnels close silent connections. */
const PING_MS = 30_000;

/** Sends the stream of events to one socket. What the other side sends is ignored. */
export function followEvents(app: Application, socket: WebSocket, query: unknown): void {
  const from = safeParse(positionSchema, query);
  const leave = app.subscribe(
    (message) => {
      if (socket.bufferedAmount > MOST_UNSENT_BYTES) socket.terminate();
      else socket.send(JSON.stringify(message));
    },
    from.success ? from.data : undefined,
  );
  let isThere = true;
  socket.on('pong', () => (isThere = true));
  const ping = setInterval(() => {
    // The other side of a broken tunnel never closes.
    if (!isThere) return socket.terminate();
    isThere = false;
    socket.ping();
  }, PING_MS);
  const end = () => {
    clearInterval(ping);
    leave();
  };
  socket.on('close', end);
  // A socket that breaks closes too; without a listener the error would end the host.
  socket.on('error', () => socket.terminate());
}
