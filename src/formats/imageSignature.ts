/**
 * Kinds of image file, told by their first bytes. The decoder below knows more formats than a folder of images needs, among them
 * ones that are programs of a kind (SVG, PostScript); a name ending in `.png` must not reach those.
 */

const startsWith = (bytes: Uint8Array, text: string, at = 0) =>
  Buffer.from(bytes.buffer, bytes.byteOffset + at, Math.max(0, Math.min(text.length, bytes.length - at))).equals(
    Buffer.from(text, 'latin1'),
  );

const AVIF_BRANDS = ['avif', 'avis', 'mif1', 'msf1', 'miaf'];

/** Whether the bytes begin as PNG, JPEG, WebP, GIF, TIFF or AVIF do. */
export function isKnownImage(bytes: Uint8Array): boolean {
  return (
    startsWith(bytes, '\x89PNG\r\n\x1a\n') ||
    startsWith(bytes, '\xff\xd8\xff') ||
    startsWith(bytes, 'GIF8') ||
    (startsWith(bytes, 'RIFF') && startsWith(bytes, 'WEBP', 8)) ||
    ['II*\0', 'MM\0*', 'II+\0', 'MM\0+'].some((order) => startsWith(bytes, order)) ||
    (startsWith(bytes, 'ftyp', 4) && AVIF_BRANDS.some((brand) => startsWith(bytes, brand, 8)))
  );
}
