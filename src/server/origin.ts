/**
 * Which requests come from our own page. A page of another site can reach a local port; it cannot choose the Host and Origin
 * headers that its browser sends.
 */

const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]'];

export interface OriginRules {
  /** Host names without port that people may use for this host. */
  readonly hostNames: ReadonlySet<string>;
}

/** @param extra further names: the address that was bound, names that a tunnel or proxy uses */
export function originRules(extra: readonly string[]): OriginRules {
  return { hostNames: new Set([...LOOPBACK, ...extra.map((name) => name.toLowerCase())]) };
}

/**
 * Whether the Host header names this host. The port may be another one, as through an SSH tunnel; a name that somebody else's
 * server resolves to this machine (DNS rebinding) is not on the list.
 */
export function isOwnHost(host: string | undefined, { hostNames }: OriginRules): boolean {
  const name = /^(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::\d{1,5})?$/i.exec(host ?? '')?.[1];
  return name !== undefined && hostNames.has(name.toLowerCase());
}

/** Whether a request that changes something, or a socket, comes from the page that this host served under `host`. */
export function isOwnOrigin(origin: string | undefined, host: string): boolean {
  return origin === `http://${host}` || origin === `https://${host}`;
}

/** Whether an address is reachable from this machine alone. */
export function isLoopback(address: string): boolean {
  return address === '127.0.0.1' || address === '::1' || address === 'localhost';
}
