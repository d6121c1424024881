import cookie from '@fastify/cookie';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import files from '@fastify/static';
import websocket, { type WebSocket } from '@fastify/websocket';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Application } from '../app/application.js';
import type { Access } from './access.js';
import { followEvents } from './eventSocket.js';
import { isOwnHost, isOwnOrigin, type OriginRules } from './origin.js';
import { contentType, PAGE_POLICY, reportPolicy } from './policies.js';
import { changesNothing } from './readOnly.js';

export interface ServerOptions {
  readonly app: Application;
  readonly access: Access;
  readonly origins: OriginRules;
  /** Folder of the built window. */
  readonly pageFolder: string;
  /** Name of the session cookie. Cookies know no ports, so two hosts on a machine need two names. */
  readonly cookieName: string;
  /** Look, but change nothing. */
  readonly isReadOnly: boolean;
  /** Told of refusals and of sessions opened; never of secrets. */
  readonly log: (line: string) => void;
  /** Called when a browser was let in; the next one needs the new token. */
  readonly onSession: () => void;
  readonly limits?: Partial<ServerLimits>;
}

/** What one side may take of the host's time and memory. */
export interface ServerLimits {
  /** Milliseconds until the headers of a request are complete. */
  readonly headersMs: number;
  /** Milliseconds until a request is complete: a config over a slow tunnel. */
  readonly requestMs: number;
  /** Connections at once, let in or not; more are closed as they come. */
  readonly connections: number;
  /** Event streams at once: open windows. More are closed as they come. */
  readonly streams: number;
}

/** A connection that says nothing is closed after `headersMs`, so strangers cannot hold all of them for long. */
const LIMITS: ServerLimits = { headersMs: 10_000, requestMs: 60_000, connections: 4096, streams: 64 };

/** Largest request: a config with room to spare. */
const BODY_BYTES = 1 << 20;
/** Requests a minute: a form that previews every change while images load stays far below. */
const REQUESTS_PER_MINUTE = 3000;

/** The web host: the window's files, commands over POST, events over a socket, pictures and reports over GET. */
export async function createServer(options: ServerOptions): Promise<FastifyInstance> {
  const { app, access, origins, cookieName, log, onSession } = options;
  const limits = { ...LIMITS, ...options.limits };
  const server = Fastify({
    bodyLimit: BODY_BYTES,
    logger: false,
    // An open window keeps its connection; the host must be able to end all the same.
    forceCloseConnections: true,
    requestTimeout: limits.requestMs,
    http: {
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      connectionsCheckingInterval: Math.min(5000, limits.headersMs),
      maxHeaderSize: 16_384,
    },
  });
  server.server.maxConnections = limits.connections;
  // Only JSON: plain text is what a form of another site could send without asking.
  server.removeContentTypeParser('text/plain');

  await server.register(cookie);
  await server.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: PAGE_POLICY },
    // The host speaks plain HTTP on this machine or through a tunnel.
    strictTransportSecurity: false,
    referrerPolicy: { policy: 'no-referrer' },
    xFrameOptions: { action: 'deny' },
  });

  const refuse = (request: FastifyRequest, reply: FastifyReply, status: number, code: string, message: string) => {
    log(`refused ${request.method} ${request.url.split('?')[0].slice(0, 200)}: ${code}`);
    // A refused upgrade leaves a socket that the HTTP server no longer looks after; it would stay open for ever.
    if (request.headers.upgrade !== undefined) reply.raw.once('finish', () => request.raw.socket.destroySoon());
    const hint = 'use the address that the host printed when it started';
    return reply.code(status).send({ ok: false, error: { code, message, hint } });
  };

  server.addHook('onRequest', async (request, reply) => {
    const { host, origin, upgrade } = request.headers;
    if (!isOwnHost(host, origins)) return refuse(request, reply, 403, 'HOST_REFUSED', 'this host has another name');
    const changes = request.method !== 'GET' && request.method !== 'HEAD';
    if ((changes || upgrade !== undefined) && !isOwnOrigin(origin, host!)) {
      return refuse(request, reply, 403, 'ORIGIN_REFUSED', 'the request does not come from this page');
    }
    if (isTokenExchange(request)) return;
    if (!access.isSession(request.cookies[cookieName])) {
      return refuse(request, reply, 401, 'SESSION_NEEDED', 'this browser has not been let in');
    }
  });
  // After the gate: strangers must not use up what people are allowed.
  await server.register(rateLimit, { max: REQUESTS_PER_MINUTE, timeWindow: '1 minute' });
  await server.register(websocket, { options: { maxPayload: 4096 } });

  server.setErrorHandler((error: { statusCode?: number; code?: string }, request, reply) => {
    const status = error.statusCode ?? 500;
    return refuse(request, reply, status, error.code ?? 'REQUEST_REFUSED', 'the request could not be taken');
  });
  server.setNotFoundHandler((request, reply) => refuse(request, reply, 404, 'NOT_FOUND', 'there is nothing here'));

  server.get('/', async (request, reply) => {
    if (!isTokenExchange(request)) return reply.header('cache-control', 'no-cache').sendFile('index.html');
    const session = access.exchange((request.query as { token: string }).token);
    if (session === null) {
      return refuse(request, reply, 403, 'TOKEN_REFUSED', 'this address was used before, or is not complete');
    }
    log('a browser was let in');
    onSession();
    // Redirecting takes the token out of the address bar and the history.
    return reply
      .setCookie(cookieName, session, { httpOnly: true, sameSite: 'strict', path: '/' })
      .header('cache-control', 'no-store')
      .redirect('/', 303);
  });

  server.post<{ Params: { name: string } }>('/api/call/:name', async (request, reply) => {
    const { name } = request.params;
    if (options.isReadOnly && !changesNothing(name)) {
      return refuse(request, reply, 403, 'READ_ONLY', 'this host shows projects and changes nothing');
    }
    return app.callRaw(name, request.body);
  });

  const streams = new Set<WebSocket>();
  server.get('/api/events', { websocket: true }, (socket, request) => {
    if (streams.size >= limits.streams) return socket.close(1013, 'too many windows');
    streams.add(socket);
    socket.on('close', () => streams.delete(socket));
    followEvents(app, socket, request.query);
  });

  server.get('/api/*', async (request, reply) => {
    const file = await app.file(request.url.split('?')[0]).catch(() => null);
    if (file === null) return refuse(request, reply, 404, 'NOT_FOUND', 'there is nothing here');
    reply.header('cache-control', 'private, no-cache').type(contentType(file.name));
    if (file.isDownload) {
      reply.header('content-disposition', `attachment; filename*=UTF-8''${encodeURIComponent(file.name)}`);
    } else if (file.name.endsWith('.html')) {
      reply.header('content-security-policy', reportPolicy(Buffer.from(file.bytes).toString()));
    }
    return reply.send(Buffer.from(file.bytes));
  });

  await server.register(files, { root: options.pageFolder, dotfiles: 'deny', index: false });
  return server;
}

function isTokenExchange(request: FastifyRequest): boolean {
  const { pathname, searchParams } = new URL(request.url, 'http://host');
  return request.method === 'GET' && pathname === '/' && searchParams.has('token');
}
