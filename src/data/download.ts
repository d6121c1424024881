import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { failure, interrupted } from '../contract/errors.js';
import type { LoadOptions } from './sourceImages.js';

export interface Download {
  readonly url: string;
  /** Where the file will be. It appears there only whole and verified. */
  readonly path: string;
  /** The published checksum of the file, hexadecimal, or as much of its beginning as is published. */
  readonly checksum: { readonly algorithm: 'md5' | 'sha256'; readonly digest: string };
  /** More bytes than this are not accepted. */
  readonly maxBytes: number;
}

/** Hash of a file, hexadecimal, read as a stream. */
export async function digestOf(path: string, algorithm: 'md5' | 'sha256'): Promise<string> {
  const hash = createHash(algorithm);
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

const sizeOf = (path: string) =>
  stat(path).then(
    (status) => status.size,
    () => 0,
  );

/** Appends the rest of `url` to `partial`, or writes it anew where the server gives no ranges. */
async function fetchRest(download: Download, partial: string, options: LoadOptions): Promise<void> {
  const have = await sizeOf(partial);
  const response = await fetch(download.url, {
    headers: have > 0 ? { range: `bytes=${have}-` } : {},
    signal: options.signal ?? null,
  });
  // 416: nothing is left after what is already here; the checksum decides whether it is right.
  if (response.status === 416) return;
  if (!response.ok || response.body === null) throw new Error(`the server answered ${response.status}`);
  const resumed = response.status === 206;
  const length = Number(response.headers.get('content-length') ?? Number.NaN);
  let done = resumed ? have : 0;
  const total = Number.isFinite(length) ? done + length : null;
  const bounded = async function* (chunks: AsyncIterable<Uint8Array>) {
    for await (const chunk of chunks) {
      done += chunk.length;
      if (done > download.maxBytes) throw new Error(`it is larger than ${download.maxBytes} bytes`);
      options.onProgress?.({ unit: 'byte', done, total });
      yield chunk;
    }
  };
  await pipeline(response.body, bounded, createWriteStream(partial, { flags: resumed ? 'a' : 'w' }));
}

/**
 * Downloads a file beside its place, verifies it and renames it into place. What an interrupted download left is continued.
 *
 * @throws failures DATA_NOT_HERE (offline), DATA_DOWNLOAD_FAILED, DATA_CHECKSUM; interrupted
 */
export async function downloadVerified(download: Download, options: LoadOptions = {}): Promise<void> {
  if (options.offline === true) {
    throw failure('DATA_NOT_HERE', `${download.path} is not on this machine yet`, 'the first run downloads it');
  }
  const partial = `${download.path}.part`;
  await mkdir(dirname(download.path), { recursive: true });
  try {
    await fetchRest(download, partial, options);
  } catch (cause) {
    if (options.signal?.aborted) throw interrupted();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw failure(
      'DATA_DOWNLOAD_FAILED',
      `${download.url} could not be downloaded: ${reason}`,
      'check the connection and try again, or get the file elsewhere and give its path',
      { cause },
    );
  }
  const { algorithm, digest } = download.checksum;
  const actual = await digestOf(partial, algorithm);
  if (!actual.startsWith(digest)) {
    await rm(partial);
    throw failure(
      'DATA_CHECKSUM',
      `${download.url} has ${algorithm} ${actual}, its publishers say ${digest}`,
      'try again; if it stays so, get the file elsewhere and give its path',
    );
  }
  await rename(partial, download.path);
}
