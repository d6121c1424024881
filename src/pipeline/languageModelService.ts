import type { PruningConfig } from '../contract/config.js';
import { inputError, interrupted } from '../contract/errors.js';
import type { ChatMessage } from '../method/languageModelProposer.js';

/** The environment variable that holds the service's key. It is sent to the service and goes nowhere else. */
export const KEY_VARIABLE = 'STEPADAPT_LANGUAGE_MODEL_KEY';

/** The environment variable that names the address, on another machine, which the key is for. */
export const KEY_ADDRESS_VARIABLE = 'STEPADAPT_LANGUAGE_MODEL_URL';

/** Most bytes of a response that are read; no list of widths needs more. */
const MAX_RESPONSE = 2 ** 20;

export interface ServiceOptions {
  readonly service: PruningConfig['languageModel'];
  /** Sent as a bearer token; services on this machine often need none. */
  readonly key: string | undefined;
  readonly signal: AbortSignal;
}

/**
 * The key for the service at `url`, undefined where the environment holds none. A project may come from a stranger and name any
 * address, so a key leaves this machine only for the one that the user named beside it.
 *
 * @throws input error `KEY_NOT_FOR_SERVICE` when there is a key, and it is for another address
 */
export function serviceKey(url: string, env: NodeJS.ProcessEnv): string | undefined {
  const key = env[KEY_VARIABLE];
  if (!key) return undefined;
  const { origin, hostname } = new URL(url);
  const address = env[KEY_ADDRESS_VARIABLE] ?? '';
  const isNamed = URL.canParse(address) && new URL(address).origin === origin;
  if (isNamed || hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)) return key;
  throw inputError(
    'KEY_NOT_FOR_SERVICE',
    `the project asks a language model at ${origin}, and the key is not said to be for that address`,
    `if you trust it with the key, name it beside the key, in the settings of the window or as ${KEY_ADDRESS_VARIABLE}=${origin}; otherwise take the key away`,
  );
}

/**
 * Asks an OpenAI-compatible chat service (`POST {url}/chat/completions`) at temperature 0.
 *
 * Redirects are not followed, so that the key reaches the configured address alone, and should the service send it back it is
 * blotted out.
 *
 * @returns the answer's text
 * @throws Error in plain words when there is no usable answer; `INTERRUPTED` when the run is stopped
 */
export async function askService(options: ServiceOptions, messages: readonly ChatMessage[]): Promise<string> {
  const { service, key, signal } = options;
  const timeout = AbortSignal.timeout(service.timeoutSeconds * 1000);
  const withoutKey = (text: string) => (key === undefined || key === '' ? text : text.replaceAll(key, '***'));
  try {
    const response = await fetch(`${service.url.replace(/\/+$/, '')}/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) },
      body: JSON.stringify({ model: service.model, temperature: 0, messages }),
      redirect: 'error',
      signal: AbortSignal.any([timeout, signal]),
    });
    const body = await boundedText(response);
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return withoutKey(contentOf(body));
  } catch (error) {
    if (signal.aborted) throw interrupted();
    if (timeout.aborted) throw new Error(`no answer within ${service.timeoutSeconds} s`, { cause: error });
    throw new Error(withoutKey(describe(error)), { cause: error });
  }
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength;
    // Leaving the loop cancels the rest of the response.
    if (length > MAX_RESPONSE) throw new Error(`the response is longer than ${MAX_RESPONSE} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function contentOf(body: string): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    throw new Error('the response is not JSON');
  }
  const content = (parsed as { choices?: { message?: { content?: unknown } }[] } | null)?.choices?.[0]?.message
    ?.content;
  if (typeof content !== 'string') throw new Error('the response has no choices[0].message.content');
  return content;
}

/** A network error's own words are in its cause. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = (error.cause as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? `${error.message} (${code})` : error.message;
}
