/** Images in host memory, as every source delivers them. */
export interface Dataset {
  /** `shapes`, `fashion-mnist`, ... as in the config. */
  readonly source: string;
  readonly count: number;
  /** Side of the square images, pixels. */
  readonly size: number;
  readonly channels: 1 | 3;
  /** (count, size, size, channels) row-major bytes. Networks see `byte / 127.5 - 1`. */
  readonly pixels: Uint8Array;
  /** (count) class labels, or null when the source has none. */
  readonly labels: Uint8Array | null;
  /** Names of the classes, index = label; empty without labels. */
  readonly classes: readonly string[];
  /** SHA-256 of pixels and labels, hexadecimal: the data's identity in stage hashes and protocols. */
  readonly hash: string;
}
