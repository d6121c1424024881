import { createHash } from 'node:crypto';
import { extname } from 'node:path';

/** Only what the page needs: nothing inline, nothing evaluated, nothing from elsewhere. */
export const PAGE_POLICY = {
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  'style-src': ["'self'"],
  'img-src': ["'self'", 'data:', 'blob:'],
  'font-src': ["'self'"],
  'connect-src': ["'self'"],
  'base-uri': ["'none'"],
  'form-action': ["'none'"],
  'frame-ancestors': ["'none'"],
};

/**
 * The policy for a report: one self-contained file with its style and pictures inside. It is shown without any right: an origin
 * of its own (`sandbox`), no script, no connection. Its style sheets are named by their hashes, so that none can be put into an
 * attribute.
 */
export function reportPolicy(page: string): string {
  const styles = [...page.matchAll(/<style>(.*?)<\/style>/gs)].map(
    ([, text]) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`,
  );
  const allowed = styles.length === 0 ? "'none'" : styles.join(' ');
  return `sandbox; default-src 'none'; img-src data:; style-src ${allowed}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.csv': 'text/csv; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.pdf': 'application/pdf',
  '.tex': 'application/x-tex',
};

/** The type of a project's file by its ending; anything unknown is bytes. */
export function contentType(name: string): string {
  return CONTENT_TYPES[extname(name)] ?? 'application/octet-stream';
}
