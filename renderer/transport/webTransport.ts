import type {
  CommandName,
  CommandParams,
  CommandValue,
  Result,
  StreamMessage,
  StreamPosition,
} from '../../src/contract/api.js';
import { imageUrl } from '../../src/contract/imageUrl.js';
import type { Connection, Transport } from './transport.js';

const FIRST_RETRY_MS = 300;
const LONGEST_RETRY_MS = 5000;

/** Commands over HTTP, events over one WebSocket that comes back by itself and asks for what it missed. */
export function createWebTransport(): Transport {
  const listeners = new Set<(connection: Connection) => void>();
  let connection: Connection = 'connecting';

  function setConnection(next: Connection): void {
    if (next === connection) return;
    connection = next;
    listeners.forEach((listener) => listener(next));
  }

  return {
    call,
    subscribe: (listener, from) => followStream(listener, setConnection, from),
    imageUrl,
    fileUrl: (url) => url,
    onConnection(listener) {
      listeners.add(listener);
      listener(connection);
      return () => listeners.delete(listener);
    },
  };
}

async function call<N extends CommandName>(name: N, params: CommandParams<N>): Promise<Result<CommandValue<N>>> {
  try {
    const response = await fetch(`/api/call/${name}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(params),
    });
    return (await response.json()) as Result<CommandValue<N>>;
  } catch {
    return {
      ok: false,
      error: {
        code: 'HOST_UNREACHABLE',
        message: 'The program behind this page does not answer.',
        hint: 'Check that it still runs; a job at work goes on without this page.',
      },
    };
  }
}

function followStream(
  listener: (message: StreamMessage) => void,
  setConnection: (connection: Connection) => void,
  from: StreamPosition | undefined,
): () => void {
  let position = from;
  let retry = FIRST_RETRY_MS;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let socket: WebSocket | undefined;
  let ended = false;

  function connect(): void {
    const address = new URL('/api/events', window.location.href);
    address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
    if (position !== undefined) {
      address.searchParams.set('epoch', position.epoch);
      address.searchParams.set('seq', String(position.seq));
    }
    socket = new WebSocket(address);
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(String(data)) as StreamMessage;
      position = positionAfter(message, position);
      retry = FIRST_RETRY_MS;
      setConnection('open');
      listener(message);
    };
    socket.onclose = () => {
      if (ended) return;
      setConnection('reconnecting');
      timer = setTimeout(connect, retry);
      retry = Math.min(LONGEST_RETRY_MS, retry * 2);
    };
  }

  connect();
  return () => {
    ended = true;
    clearTimeout(timer);
    socket?.close();
  };
}

function positionAfter(message: StreamMessage, before: StreamPosition | undefined): StreamPosition | undefined {
  if (message.type === 'events') {
    const last = message.events.at(-1);
    return before === undefined || last === undefined ? before : { epoch: before.epoch, seq: last.seq };
  }
  // After a `hello` the missed events follow, so the place to go on from is still the earlier one.
  if (message.type === 'hello' && before !== undefined) return before;
  return { epoch: message.epoch, seq: message.seq };
}
