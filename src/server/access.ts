import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Fewest characters of a token given by a person: 128 bits in hexadecimal. */
export const TOKEN_LENGTH = 32;

/** Sessions that may be open at once; the oldest makes room. */
const SESSIONS = 64;

/** A random secret of 128 bits. */
export function newToken(): string {
  return randomBytes(16).toString('hex');
}

/**
 * Who may speak to the host. A token opens one session and is then worth nothing; the next browser needs the next token. A
 * session is the value of a cookie that scripts cannot read.
 */
export class Access {
  private readonly sessions: string[] = [];

  constructor(private token: string = newToken()) {}

  /** The token that opens the next session. */
  get currentToken(): string {
    return this.token;
  }

  /** Opens a session for the right token and makes a new token; null for a wrong or used one. */
  exchange(token: string): string | null {
    if (!sameSecret(token, this.token)) return null;
    this.token = newToken();
    const session = newToken();
    this.sessions.push(session);
    if (this.sessions.length > SESSIONS) this.sessions.shift();
    return session;
  }

  isSession(cookie: string | undefined): boolean {
    if (cookie === undefined) return false;
    // Every session is compared, so that the time taken tells nothing about which one was near.
    return this.sessions.map((session) => sameSecret(cookie, session)).includes(true);
  }
}

/** Compares secrets in a time that depends on neither. */
function sameSecret(given: string, secret: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(secret));
}
