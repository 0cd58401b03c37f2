import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';

/** A feature's description of the optional peer dependency it uses. */
export interface OptionalPeer<T> {
  /** The package as it is installed: `@opentelemetry/api`. */
  readonly name: string;
  /**
   * Imports it: `() => import('@opentelemetry/api')`. A function of the caller, so that bundlers and the type
   * checker see the package's name.
   */
  readonly load: () => Promise<T>;
}

/**
 * Imports an optional peer dependency that the library can do without.
 *
 * @returns undefined if the application has not installed it
 * @throws any error that the package throws while it loads, including that of an incomplete installation
 */
export async function importIfInstalled<T>({ name, load }: OptionalPeer<T>): Promise<T | undefined> {
  try {
    return await load();
  } catch (error) {
    if (isMissing(error, name)) return undefined;
    throw error;
  }
}

/**
 * Imports an optional peer dependency that a feature cannot do without.
 *
 * @param feature - the dependent feature, as named in the error message: `piiGuardrail({ types: ['phone'] })`
 * @throws AgentOsConfigurationError with the command that installs it
 */
export async function importNeeded<T>(peer: OptionalPeer<T>, feature: string): Promise<T> {
  const found = await importIfInstalled(peer);
  if (found !== undefined) return found;
  throw new AgentOsConfigurationError(
    `${feature} needs the package "${peer.name}", which is not installed. Run: npm install ${peer.name}`,
  );
}

/** Node's two module systems, Jest (both ways), Yarn's Plug'n'Play and bundlers use one of these. */
const CODES = ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'];

/**
 * Whether this package was not found, and not a file or a dependency of it. Messages name the package in quotes
 * (Plug'n'Play without); in paths through it a slash precedes its name.
 */
function isMissing(error: unknown, name: string): boolean {
  // Not `instanceof Error`: under Jest the errors of Node belong to another realm.
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  if (typeof code !== 'string' || !CODES.includes(code) || typeof message !== 'string') return false;
  const quoted = name.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
  return new RegExp(`(?<![\\w./@\\\\-])${quoted}(?![\\w.-])`).test(message);
}
