import { inputError } from '../contract/errors.js';

/** Side of a CIFAR image, pixels. */
export const CIFAR_SIZE = 32;
const PLANE = CIFAR_SIZE * CIFAR_SIZE;
/** Bytes of a CIFAR-10 record: one label, then the red, green and blue planes. */
const RECORD = 1 + 3 * PLANE;
const CLASS_COUNT = 10;

export interface CifarImages {
  readonly count: number;
  /** (count, 32, 32, 3) bytes: planes are interleaved on reading. */
  readonly pixels: Uint8Array;
  /** (count) labels 0..9. */
  readonly labels: Uint8Array;
}

/**
 * Decodes a file of the binary version of CIFAR-10 (www.cs.toronto.edu/~kriz/cifar.html), at most its first `maxItems`
 * records.
 *
 * @throws input errors DATA_TRUNCATED (not whole records), DATA_WRONG_MAGIC (a label above 9: another format)
 */
export function decodeCifar10(bytes: Uint8Array, name: string, maxItems = Number.POSITIVE_INFINITY): CifarImages {
  if (bytes.length === 0 || bytes.length % RECORD !== 0) {
    throw inputError(
      'DATA_TRUNCATED',
      `${name} has ${bytes.length} bytes, which is not a whole number of CIFAR-10 records of ${RECORD} bytes`,
      'give files of the binary version of CIFAR-10, whole',
    );
  }
  const count = Math.min(maxItems, bytes.length / RECORD);
  const pixels = new Uint8Array(count * 3 * PLANE);
  const labels = new Uint8Array(count);
  for (let image = 0; image < count; image++) {
    const record = image * RECORD;
    const label = bytes[record];
    if (label >= CLASS_COUNT) {
      throw inputError(
        'DATA_WRONG_MAGIC',
        `${name} is not a CIFAR-10 file: record ${image} has label ${label}`,
        'give files of the binary version of CIFAR-10',
      );
    }
    labels[image] = label;
    const out = image * 3 * PLANE;
    for (let channel = 0; channel < 3; channel++) {
      const plane = record + 1 + channel * PLANE;
      for (let i = 0; i < PLANE; i++) pixels[out + 3 * i + channel] = bytes[plane + i];
    }
  }
  return { count, pixels, labels };
}
