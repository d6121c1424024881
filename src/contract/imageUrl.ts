/** Address of a PNG by its id, the same on every host. */
export function imageUrl(image: string): string {
  return `/api/image/${encodeURIComponent(image)}`;
}
