import { createHash } from 'node:crypto';
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { downloadVerified } from '../../src/data/download.js';

const BODY = Buffer.from(Uint8Array.from({ length: 100_000 }, (_, i) => (i * i) >> 3));
const MD5 = createHash('md5').update(BODY).digest('hex');

let folder = '';
let server: Server;
let requests: IncomingMessage[] = [];
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'download-'));
  requests = [];
  server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});

const file = () => ({
  url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/data.gz`,
  path: join(folder, 'cache', 'data.gz'),
  checksum: { algorithm: 'md5' as const, digest: MD5 },
  maxBytes: 200_000,
});
const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );
const plain: typeof answer = (_, response) => {
  response.writeHead(200, { 'content-length': BODY.length }).end(BODY);
};
/** Answers a range request as RFC 9110 has it. */
const ranged: typeof answer = (request, response) => {
  const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
  if (from >= BODY.length) response.writeHead(416).end();
  else response.writeHead(from > 0 ? 206 : 200, { 'content-length': BODY.length - from }).end(BODY.subarray(from));
};

describe('downloadVerified', () => {
  it('brings the whole file, says how far it is, leaves nothing beside it', async () => {
    answer = plain;
    const seen: unknown[] = [];
    await downloadVerified(file(), { onProgress: (progress) => seen.push(progress) });
    expect(await readFile(file().path)).toEqual(BODY);
    expect(seen.at(-1)).toEqual({ unit: 'byte', done: 100_000, total: 100_000 });
    expect(await isThere(`${file().path}.part`)).toBe(false);
  });

  it('goes on where an interrupted download stopped', async () => {
    answer = (_, response) => {
      response.writeHead(200, { 'content-length': BODY.length });
      response.write(BODY.subarray(0, 40_000), () => response.destroy());
    };
    await expect(downloadVerified(file())).rejects.toMatchObject({ kind: 'failure', code: 'DATA_DOWNLOAD_FAILED' });
    expect(await isThere(file().path)).toBe(false);
    answer = ranged;
    await downloadVerified(file());
    expect(requests.at(-1)?.headers.range).toMatch(/^bytes=\d+-$/);
    expect(await readFile(file().path)).toEqual(BODY);
  });

  it('starts again where the server has no ranges, and takes a part that is already whole', async () => {
    for (const [kind, part] of [
      [plain, BODY.subarray(0, 500)],
      [ranged, BODY],
    ] as const) {
      answer = plain;
      await downloadVerified(file());
      await rm(file().path);
      await writeFile(`${file().path}.part`, part);
      answer = kind;
      await downloadVerified(file());
      expect(await readFile(file().path)).toEqual(BODY);
    }
  });

  it('refuses a file with another checksum and forgets it', async () => {
    answer = plain;
    const other = { algorithm: 'md5', digest: '0'.repeat(32) } as const;
    await expect(downloadVerified({ ...file(), checksum: other })).rejects.toMatchObject({ code: 'DATA_CHECKSUM' });
    expect(await isThere(file().path)).toBe(false);
    expect(await isThere(`${file().path}.part`)).toBe(false);
  });

  it('takes the beginning of a SHA-256 where no more is published', async () => {
    answer = plain;
    const digest = createHash('sha256').update(BODY).digest('hex').slice(0, 8);
    await downloadVerified({ ...file(), checksum: { algorithm: 'sha256', digest } });
    expect(await readFile(file().path)).toEqual(BODY);
  });

  it('refuses what is missing or too large', async () => {
    answer = (_, response) => response.writeHead(404).end();
    await expect(downloadVerified(file())).rejects.toMatchObject({ message: expect.stringContaining('404') });
    answer = plain;
    await expect(downloadVerified({ ...file(), maxBytes: 50_000 })).rejects.toMatchObject({
      code: 'DATA_DOWNLOAD_FAILED',
      message: expect.stringContaining('50000'),
    });
  });

  it('stops when asked', async () => {
    const stop = new AbortController();
    answer = (_, response) => {
      response.writeHead(200, { 'content-length': BODY.length });
      response.write(BODY.subarray(0, 10), () => stop.abort());
    };
    await expect(downloadVerified(file(), { signal: stop.signal })).rejects.toMatchObject({ kind: 'interrupted' });
  });
});
