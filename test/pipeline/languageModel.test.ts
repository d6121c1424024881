import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { askService, serviceKey } from '../../src/pipeline/languageModelService.js';
import { recording, replaying } from '../../src/pipeline/transcript.js';
import { pruningSchema } from '../../src/contract/config.js';
import { removeFolder } from '../removeFolder.js';

const KEY = 'sk-very-secret';
const messages = [{ role: 'user', content: 'widths?' }] as const;

let server: Server;
let folder: string;
let respond: (request: IncomingMessage, response: ServerResponse, body: string) => void;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'language-model-'));
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    respond(request, response, body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await removeFolder(folder);
});

function ask(options: { timeoutSeconds?: number; signal?: AbortSignal; key?: string } = {}): Promise<string> {
  const { port } = server.address() as AddressInfo;
  const { timeoutSeconds = 5, signal = new AbortController().signal, key = KEY } = options;
  const service = { url: `http://127.0.0.1:${port}/v1/`, model: 'tiny', timeoutSeconds };
  return askService({ service, key, signal }, messages);
}

const answer = (content: unknown) => JSON.stringify({ choices: [{ message: { role: 'assistant', content } }] });

describe('askService', () => {
  it('posts the chat at temperature 0 with the key as bearer token', async () => {
    let seen: unknown;
    respond = (request, response, body) => {
      seen = { method: request.method, url: request.url, key: request.headers.authorization, ...JSON.parse(body) };
      response.end(answer('[1, 2]'));
    };
    expect(await ask()).toBe('[1, 2]');
    expect(seen).toEqual({
      method: 'POST',
      url: '/v1/chat/completions',
      key: `Bearer ${KEY}`,
      model: 'tiny',
      temperature: 0,
      messages,
    });
  });

  it.each([
    ['an HTTP error', 500, '{}', /^HTTP 500$/],
    ['an error that quotes the key', 401, `{"error":"${KEY}"}`, /^HTTP 401$/],
    ['no JSON', 200, '<html>', /not JSON/],
    ['no choices', 200, '{"choices":[]}', /no choices/],
    ['null', 200, 'null', /no choices/],
    ['nothing', 200, '', /not JSON/],
    ['a list in place of text', 200, answer([1, 2]), /no choices/],
    ['too much', 200, answer('x'.repeat(3 * 2 ** 20)), /longer than/],
  ])('refuses %s', async (_name, status, body, message) => {
    respond = (_request, response) => response.writeHead(status).end(body);
    await expect(ask()).rejects.toThrow(message);
  });

  it('stops reading an answer without end', async () => {
    let sent = 0;
    respond = (_request, response) => {
      const more = () => {
        while (!response.destroyed && sent < 2 ** 28) {
          sent += 2 ** 16;
          if (!response.write('x'.repeat(2 ** 16))) return response.once('drain', more);
        }
        return undefined;
      };
      more();
    };
    await expect(ask()).rejects.toThrow(/longer than/);
    expect(sent).toBeLessThan(2 ** 26);
  });

  it('waits no longer than the timeout', async () => {
    respond = () => undefined;
    await expect(ask({ timeoutSeconds: 0.1 })).rejects.toThrow(/no answer within 0.1 s/);
  });

  it('ends at once when the run is stopped', async () => {
    const stop = new AbortController();
    respond = () => stop.abort();
    await expect(ask({ signal: stop.signal })).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });

  it('says that nobody listens', async () => {
    const { port } = server.address() as AddressInfo;
    const service = { url: `http://127.0.0.1:${port}`, model: 'x', timeoutSeconds: 5 };
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await expect(
      askService({ service, key: undefined, signal: new AbortController().signal }, messages),
    ).rejects.toThrow(/ECONNREFUSED/);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  it('does not carry the key to another address', async () => {
    let asked = 0;
    respond = (request, response) => {
      asked++;
      response.writeHead(307, { location: `http://${request.headers.host}/elsewhere` }).end();
    };
    await expect(ask()).rejects.toThrow();
    expect(asked).toBe(1);
  });

  it('blots out a key that the answer repeats', async () => {
    respond = (_request, response) => response.end(answer(`[1] ${KEY}`));
    expect(await ask()).toBe('[1] ***');
  });

  it('an address with a password is refused by the config', () => {
    const parse = (url: string) => pruningSchema.safeParse({ languageModel: { url } }).success;
    expect(parse('http://localhost:8080/v1')).toBe(true);
    expect(parse('http://me:secret@localhost/v1')).toBe(false);
    expect(parse('file:///etc/passwd')).toBe(false);
  });
});

describe('transcript', () => {
  const path = () => join(folder, 'experts', 'transcript.jsonl');

  it('is recorded without the key, and answers in place of the service', async () => {
    let turn = 0;
    respond = (_request, response) => {
      turn++;
      if (turn === 2) response.writeHead(503).end();
      else response.end(answer(`[${turn}]`));
    };
    const recorded = await recording(path(), 'experts/1', () => ask());
    expect(await recorded(0, messages)).toBe('[1]');
    await expect(recorded(1, messages)).rejects.toThrow('HTTP 503');
    expect(await recorded(2, messages)).toBe('[3]');
    expect(await readFile(path(), 'utf8')).not.toContain(KEY);

    const replayed = await replaying(path(), 'experts/1');
    expect(await replayed(0, messages)).toBe('[1]');
    await expect(replayed(1, messages)).rejects.toThrow('HTTP 503');
    expect(await replayed(2, [])).toBe('[3]');
    await expect(replayed(3, messages)).rejects.toThrow('no round 3 of experts/1');
    await expect((await replaying(path(), 'experts/0'))(0, messages)).rejects.toThrow('no round 0 of experts/0');
    expect(turn).toBe(3);
  });

  it('refuses other files', async () => {
    await expect(replaying(path(), 'experts/1')).rejects.toMatchObject({ code: 'TRANSCRIPT_INVALID' });
    const other = join(folder, 'other.jsonl');
    await writeFile(other, '{"round": 1}\n');
    await expect(replaying(other, 'experts/1')).rejects.toMatchObject({ code: 'TRANSCRIPT_INVALID' });
  });
});

describe('serviceKey', () => {
  const STEPADAPT_LANGUAGE_MODEL_KEY = KEY;
  const key = (url: string, named?: string) =>
    serviceKey(url, { STEPADAPT_LANGUAGE_MODEL_KEY, ...(named && { STEPADAPT_LANGUAGE_MODEL_URL: named }) });

  it('is given to this machine and to the address that the user named', () => {
    expect(key('http://127.0.0.1:8080/v1')).toBe(KEY);
    expect(key('http://localhost:1/v1')).toBe(KEY);
    expect(key('https://models.example/v1', 'https://models.example')).toBe(KEY);
    expect(serviceKey('https://models.example/v1', {})).toBeUndefined();
  });

  it.each([
    ['https://elsewhere.example/v1', undefined],
    ['https://elsewhere.example/v1', 'https://models.example/v1'],
    ['http://models.example/v1', 'https://models.example/v1'],
    ['https://127.0.0.1.elsewhere.example/v1', undefined],
    ['https://localhost.elsewhere.example/v1', 'not an address'],
  ])('is not given to %s where %s is named', (url, named) => {
    expect(() => key(url, named)).toThrowError(expect.objectContaining({ code: 'KEY_NOT_FOR_SERVICE' }));
  });
});
