import { crc32 } from 'node:zlib';
import { unzipSync } from 'fflate';
import { StepAdaptError } from '../contract/errors.js';

/** Deflate cannot expand more than this (zlib's technical notes): a larger promise is a damaged or hostile file. */
const MAX_DEFLATE_RATIO = 1032;
const MAX_BYTES = 2 ** 32 - 1;

/** Sizes of the fixed part of two records of a zip file (PKWARE's APPNOTE, 4.3.12 and 4.3.16). */
const CENTRAL_HEADER = 46;
const END_RECORD = 22;
const END_SIGNATURE = Buffer.from('PK\x05\x06', 'latin1');

/** The CRC-32 of every entry as the central directory has it, by name. The unzipping library leaves them unchecked. */
function recordedChecksums(bytes: Uint8Array): Map<string, number> {
  const zip = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = zip.lastIndexOf(END_SIGNATURE, zip.length - END_RECORD);
  const entries = zip.readUInt16LE(end + 10);
  const checksums = new Map<string, number>();
  let at = zip.readUInt32LE(end + 16);
  for (let entry = 0; entry < entries; entry++) {
    const nameEnd = at + CENTRAL_HEADER + zip.readUInt16LE(at + 28);
    checksums.set(zip.toString('utf8', at + CENTRAL_HEADER, nameEnd), zip.readUInt32LE(at + 16));
    at = nameEnd + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return checksums;
}

/**
 * The entries of a zip file that `wanted` accepts by name, with zip64 headers or without, up to 4 GiB in all. Sizes are
 * checked before memory is taken and contents against their checksums.
 *
 * @param invalid makes the error for a damaged file; it is thrown as it is
 */
export function readZip(
  bytes: Uint8Array,
  wanted: (name: string) => boolean,
  invalid: (detail: string, cause?: unknown) => StepAdaptError,
): Record<string, Uint8Array> {
  let total = 0;
  try {
    // Sizes come from the central directory: numpy leaves 0xFFFFFFFF in the local headers.
    const files = unzipSync(bytes, {
      filter: (entry) => {
        total += entry.originalSize;
        const packed = Math.min(entry.size, bytes.length);
        if (entry.name === '' || entry.originalSize > packed * MAX_DEFLATE_RATIO || total > MAX_BYTES) {
          throw invalid(`it promises ${entry.originalSize} bytes for "${entry.name}", more than it can hold`);
        }
        return wanted(entry.name);
      },
    });
    const checksums = recordedChecksums(bytes);
    for (const [entry, content] of Object.entries(files)) {
      if (checksums.get(entry) !== crc32(content)) throw invalid(`"${entry}" does not match its checksum`);
    }
    return files;
  } catch (cause) {
    if (cause instanceof StepAdaptError) throw cause;
    throw invalid(cause instanceof Error ? cause.message : String(cause), cause);
  }
}
