import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Application } from '../app/application.js';
import { failure, inputError } from '../contract/errors.js';
import { Access, newToken, TOKEN_LENGTH } from './access.js';
import { createServer, type ServerLimits } from './createServer.js';
import { isLoopback, originRules } from './origin.js';

export const DEFAULT_PORT = 7333;

export interface WebHostOptions {
  readonly app: Application;
  /** Default 127.0.0.1. Any other needs `token`. */
  readonly host?: string;
  /** 0 = any free one. */
  readonly port: number;
  /** At least 128 bits, given on purpose by whoever opens the host to others. */
  readonly token?: string;
  /** Further names that a proxy or tunnel uses for this host. */
  readonly allowedHosts?: readonly string[];
  readonly isReadOnly?: boolean;
  /** `dist/renderer` by default. */
  readonly pageFolder?: string;
  readonly log: (line: string) => void;
  readonly limits?: Partial<ServerLimits>;
  /** Called with the address for the next browser whenever one was let in. */
  readonly onSession?: (url: string) => void;
}

export interface WebHost {
  /** Address that lets one browser in. */
  readonly url: () => string;
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Starts the web host.
 * @throws input errors `HOST_NEEDS_TOKEN`, `TOKEN_TOO_SHORT`, `WINDOW_NOT_BUILT`, `PORT_IN_USE`
 */
export async function startWebHost(options: WebHostOptions): Promise<WebHost> {
  const { app, host = '127.0.0.1', port, token, log } = options;
  if (!isLoopback(host) && token === undefined) {
    throw inputError(
      'HOST_NEEDS_TOKEN',
      `${host} can be reached from other machines`,
      'better leave --host out and use `ssh -L 7333:127.0.0.1:7333 THIS-MACHINE` from there; or add --token with 32 characters of your own',
    );
  }
  if (token !== undefined && (token.length < TOKEN_LENGTH || !/^[\w-]+$/.test(token))) {
    throw inputError(
      'TOKEN_TOO_SHORT',
      `the token is shorter than ${TOKEN_LENGTH} characters, or holds more than letters, digits, - and _`,
      'make one with `openssl rand -hex 16`',
    );
  }
  const pageFolder = options.pageFolder ?? fileURLToPath(new URL('../../renderer', import.meta.url));
  if (!existsSync(join(pageFolder, 'index.html'))) {
    throw inputError('WINDOW_NOT_BUILT', 'the window is not built', 'run `node build/renderer.mjs`, then start again');
  }
  const access = new Access(token);
  const server = await createServer({
    app,
    access,
    origins: originRules([...namesOf(host), ...(options.allowedHosts ?? [])]),
    pageFolder,
    // Where any port may be taken, the port is not known yet and a name of its own keeps two hosts apart.
    cookieName: `stepadapt-${port === 0 ? newToken().slice(0, 8) : port}`,
    isReadOnly: options.isReadOnly ?? false,
    log,
    onSession: () => options.onSession?.(url()),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  });
  try {
    await server.listen({ host, port });
  } catch (cause) {
    await server.close();
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
    throw failure('PORT_IN_USE', `port ${port} is in use`, 'choose another with --port, or 0 for any free one', {
      cause,
    });
  }
  const bound = (server.server.address() as AddressInfo).port;
  const url = () => `http://${hostName(host)}:${bound}/?token=${access.currentToken}`;
  return { port: bound, url, close: () => server.close() };
}

/** What people may call the host in their browsers; a host that listens everywhere is called by any address it has. */
function namesOf(host: string): string[] {
  if (host !== '0.0.0.0' && host !== '::') return [hostName(host)];
  const addresses = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
  return [host, ...addresses, hostname()].map(hostName);
}

/** IPv6 addresses stand in brackets in URLs. */
function hostName(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
