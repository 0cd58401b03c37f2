import type { z } from 'zod';

import { CommandError } from './terminal.js';

/** The address of the routes if the application has the port of a new project and the prefix that `init` writes. */
export const DEFAULT_URL = 'http://localhost:3000/os';
/** Milliseconds. */
const TIMEOUT = 10_000;

/** Reads public routes of a server. */
export class ServerClient {
  readonly #root: URL;
  readonly #key: string | undefined;

  /**
   * @param url - the address below which the routes are, with their prefix
   * @throws CommandError if it is no such address
   */
  constructor(url: string, key: string | undefined) {
    this.#root = rootOf(url);
    this.#key = key;
  }

  /**
   * The answer of a route.
   *
   * @throws CommandError if the server cannot be reached, refuses, or is none of nestjs-agentos
   */
  async get<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    const address = new URL(path, this.#root);
    const response = await this.#request(address);
    if (response.status === 401 || response.status === 403) throw new CommandError(this.#refusal(address));
    if (response.status === 404)
      throw new CommandError(
        `${address.href} is not found (404). If the routes have a prefix, it belongs to --url: --url ` +
          `${address.origin}/os.`,
      );
    if (!response.ok) throw new CommandError(`${address.href} answers with the status ${response.status}.`);
    const { success, data } = schema.safeParse(await jsonOf(response));
    if (!success)
      throw new CommandError(
        `${address.href} answers, but not as this version of nestjs-agentos does. Is it another server?`,
      );
    return data;
  }

  async #request(address: URL): Promise<Response> {
    try {
      return await fetch(address, {
        headers: {
          // A server may close a connection that is kept at the moment at which the next request goes out.
          connection: 'close',
          ...(this.#key === undefined ? {} : { authorization: `Bearer ${this.#key}` }),
        },
        signal: AbortSignal.timeout(TIMEOUT),
      });
    } catch (error) {
      throw new CommandError(`No answer from ${address.href}: ${reasonOf(error)}. Does the application run?`);
    }
  }

  #refusal({ href }: URL): string {
    return this.#key === undefined
      ? `${href} wants a key: --key KEY, or the environment variable OS_SECURITY_KEY.`
      : `${href} does not accept the key.`;
  }
}

function rootOf(url: string): URL {
  const root = URL.canParse(url) ? new URL(url) : undefined;
  if (!root || !['http:', 'https:'].includes(root.protocol))
    throw new CommandError(`"${url}" is no address of a server. Write it like ${DEFAULT_URL}.`);
  if (root.username !== '' || root.password !== '')
    throw new CommandError('An address with a user name or a password is not supported. Use --key.');
  root.search = '';
  root.hash = '';
  if (!root.pathname.endsWith('/')) root.pathname += '/';
  return root;
}

async function jsonOf(response: Response): Promise<unknown> {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    // A page, for example: no schema accepts it.
    return undefined;
  }
}

/** `fetch()` puts the reason into the cause of its error. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `nothing within ${TIMEOUT / 1_000} seconds`;
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  return cause.message === '' && 'code' in cause ? String(cause.code) : cause.message;
}
