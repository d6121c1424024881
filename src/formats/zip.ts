import { crc32, inflateRawSync } from 'node:zlib';
import type { StepAdaptError } from '../contract/errors.js';
import { mostUnpackedBytes } from './limits.js';

/**
 * Reading zip files that a stranger made (PKWARE's APPNOTE 6.3.10). The central directory alone is believed: numpy leaves no
 * sizes in the local headers. A library that unpacks without a limit or leaves checksums unchecked would not do here.
 */

const LOCAL_HEADER = { signature: 0x04034b50, bytes: 30 };
const CENTRAL_HEADER = { signature: 0x02014b50, bytes: 46 };
const END_RECORD = { signature: 0x06054b50, bytes: 22, mostComment: 0xffff };
const END_LOCATOR_64 = { signature: 0x07064b50, bytes: 20 };
const END_RECORD_64 = { signature: 0x06064b50, bytes: 56 };
const EXTRA_64 = 0x0001;
/** "The true value is in the zip64 record." */
const ESCAPE_32 = 0xffffffff;
const STORED = 0;
const DEFLATED = 8;
const ENCRYPTED = 1;
/** Deflate cannot expand more than this (zlib's technical notes): a larger promise is a damaged or hostile file. */
const MAX_DEFLATE_RATIO = 1032;

class Damaged extends Error {}

interface Entry {
  readonly name: string;
  readonly flags: number;
  readonly method: number;
  readonly checksum: number;
  readonly packed: number;
  readonly unpacked: number;
  readonly localHeader: number;
}

interface Directory {
  readonly entries: number;
  readonly start: number;
  readonly end: number;
}

/**
 * The entries of a zip file that `wanted` accepts by name, with zip64 headers or without, in the file's order. Sizes are checked
 * before memory is taken, unpacking stops at the promised size, and contents are held against their checksums.
 *
 * @param invalid makes the error for a damaged file; it is thrown as it is
 */
export function readZip(
  bytes: Uint8Array,
  wanted: (name: string) => boolean,
  invalid: (detail: string, cause?: unknown) => StepAdaptError,
): Map<string, Uint8Array> {
  const zip = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  try {
    const directory = findDirectory(zip);
    const chosen = readEntries(zip, directory).filter(({ name }) => wanted(name));
    const total = chosen.reduce((sum, { unpacked }) => sum + unpacked, 0);
    if (total > mostUnpackedBytes(zip.length)) throw new Damaged(`it unpacks to ${total} bytes, which is too much`);
    return new Map(chosen.map((entry) => [entry.name, contentOf(zip, entry, directory.start)]));
  } catch (cause) {
    if (cause instanceof Damaged) throw invalid(cause.message);
    throw cause;
  }
}

function findDirectory(zip: Buffer): Directory {
  const end = findEndRecord(zip);
  const locator = end - END_LOCATOR_64.bytes;
  if (locator >= 0 && zip.readUInt32LE(locator) === END_LOCATOR_64.signature) return findDirectory64(zip, locator);
  const entries = zip.readUInt16LE(end + 10);
  if (zip.readUInt16LE(end + 4) !== 0 || zip.readUInt16LE(end + 8) !== entries)
    throw new Damaged('it has several parts');
  const start = zip.readUInt32LE(end + 16);
  return checkedDirectory({ entries, start, end: start + zip.readUInt32LE(end + 12) }, end);
}

function findDirectory64(zip: Buffer, locator: number): Directory {
  const at = readSize64(zip, locator + 8);
  if (at + END_RECORD_64.bytes > locator || zip.readUInt32LE(at) !== END_RECORD_64.signature) {
    throw new Damaged('its zip64 directory is not where it should be');
  }
  const entries = readSize64(zip, at + 32);
  const start = readSize64(zip, at + 48);
  return checkedDirectory({ entries, start, end: start + readSize64(zip, at + 40) }, at);
}

function checkedDirectory(directory: Directory, limit: number): Directory {
  const { entries, start, end } = directory;
  if (end > limit || entries * CENTRAL_HEADER.bytes > end - start) throw new Damaged('its directory is cut off');
  return directory;
}

/** Offset of the last end record; a comment may follow it. */
function findEndRecord(zip: Buffer): number {
  const last = zip.length - END_RECORD.bytes;
  const first = Math.max(0, last - END_RECORD.mostComment);
  for (let at = last; at >= first; at--) if (zip.readUInt32LE(at) === END_RECORD.signature) return at;
  throw new Damaged('it is not a zip file, or its end is missing');
}

function readEntries(zip: Buffer, { entries, start, end }: Directory): Entry[] {
  const found = new Map<string, Entry>();
  let at = start;
  let packedBytes = 0;
  for (let i = 0; i < entries; i++) {
    if (at + CENTRAL_HEADER.bytes > end || zip.readUInt32LE(at) !== CENTRAL_HEADER.signature) {
      throw new Damaged('its directory is damaged');
    }
    const nameEnd = at + CENTRAL_HEADER.bytes + zip.readUInt16LE(at + 28);
    const extraEnd = nameEnd + zip.readUInt16LE(at + 30);
    const next = extraEnd + zip.readUInt16LE(at + 32);
    if (next > end) throw new Damaged('its directory is damaged');
    const entry = readEntry(zip, at, nameEnd, extraEnd);
    if (found.has(entry.name)) throw new Damaged(`"${entry.name}" is there twice`);
    found.set(entry.name, entry);
    packedBytes += entry.packed;
    at = next;
  }
  // Entries that share their bytes would multiply a small file.
  if (packedBytes > zip.length) throw new Damaged('its entries overlap');
  return [...found.values()];
}

function readEntry(zip: Buffer, at: number, nameEnd: number, extraEnd: number): Entry {
  const large = extra64(zip, nameEnd, extraEnd);
  // The zip64 field holds only the values that the header escapes, in this order.
  const size = (value: number) => (value === ESCAPE_32 ? large() : value);
  const unpacked = size(zip.readUInt32LE(at + 24));
  const packed = size(zip.readUInt32LE(at + 20));
  const localHeader = size(zip.readUInt32LE(at + 42));
  const name = zip.toString('utf8', at + CENTRAL_HEADER.bytes, nameEnd);
  if (unpacked > packed * MAX_DEFLATE_RATIO) {
    throw new Damaged(`it promises ${unpacked} bytes for "${name}", more than it can hold`);
  }
  return {
    name,
    flags: zip.readUInt16LE(at + 8),
    method: zip.readUInt16LE(at + 10),
    checksum: zip.readUInt32LE(at + 16),
    packed,
    unpacked,
    localHeader,
  };
}

/** Gives the 8-byte values of the zip64 extra field, one a call. */
function extra64(zip: Buffer, start: number, end: number): () => number {
  let at = start;
  let fieldEnd = start;
  while (at + 4 <= end) {
    const length = zip.readUInt16LE(at + 2);
    const isOurs = zip.readUInt16LE(at) === EXTRA_64;
    at += 4;
    if (isOurs) {
      fieldEnd = Math.min(end, at + length);
      break;
    }
    at += length;
  }
  return () => {
    if (at + 8 > fieldEnd) throw new Damaged('its zip64 sizes are missing');
    at += 8;
    return readSize64(zip, at - 8);
  };
}

function contentOf(zip: Buffer, entry: Entry, dataEnd: number): Uint8Array {
  const { name, packed, unpacked, localHeader } = entry;
  if (localHeader + LOCAL_HEADER.bytes > dataEnd || zip.readUInt32LE(localHeader) !== LOCAL_HEADER.signature) {
    throw new Damaged(`"${name}" is not where the directory says`);
  }
  const start =
    localHeader + LOCAL_HEADER.bytes + zip.readUInt16LE(localHeader + 26) + zip.readUInt16LE(localHeader + 28);
  if (start + packed > dataEnd) throw new Damaged(`"${name}" is cut off`);
  if ((entry.flags & ENCRYPTED) !== 0) throw new Damaged(`"${name}" is encrypted`);
  const content = unpack(zip.subarray(start, start + packed), entry);
  if (content.length !== unpacked) throw new Damaged(`"${name}" has ${content.length} bytes, not ${unpacked}`);
  if (crc32(content) !== entry.checksum) throw new Damaged(`"${name}" does not match its checksum`);
  return content;
}

function unpack(packed: Buffer, { name, method, unpacked }: Entry): Uint8Array {
  if (method === STORED) return packed;
  if (method !== DEFLATED) throw new Damaged(`"${name}" is compressed by a method that is not read (${method})`);
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(1, unpacked) });
  } catch (error) {
    throw new Damaged(`"${name}" cannot be unpacked: ${(error as Error).message}`);
  }
}

function readSize64(zip: Buffer, at: number): number {
  const size = Number(zip.readBigUInt64LE(at));
  if (!Number.isSafeInteger(size)) throw new Damaged('it holds a size that cannot be');
  return size;
}
