import type { INestApplication } from '@nestjs/common';

import type { AgentOsExtras, ResolvedAgentOsOptions } from '../agent-os.options.js';
import { EXTRAS, RESOLVED_OPTIONS } from '../agent-os.tokens.js';
import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import type { FileLimits } from '../http/forms/file.limits.js';
import { SCHEMA_PREFIX } from '../protocol/schema.js';

/** The name of the security key's scheme in a document. */
export const SECURITY_KEY_SCHEME = `${SCHEMA_PREFIX}SecurityKey`;

/** The security requirements of a request, by the names of the document's security schemes. */
export type SecurityRequirements = Record<string, string[]>[];

/** The access rules of an application's AgentOS routes. */
export interface RouteAccess {
  readonly hasKey: boolean;
  readonly hasGuards: boolean;
  /** The file limits of a run. */
  readonly files: FileLimits;
  /** Undefined: the document's own requirements for all routes apply. */
  readonly security: SecurityRequirements | undefined;
}

/** @param given - the security requirements of the host's own guards */
export function readAccess(app: INestApplication, given: SecurityRequirements | undefined): RouteAccess {
  const { http: options } = settingsOf<ResolvedAgentOsOptions>(app, RESOLVED_OPTIONS);
  const { http } = settingsOf<AgentOsExtras>(app, EXTRAS);
  const hasKey = options.securityKey !== undefined;
  return {
    hasKey,
    files: { maxFiles: options.maxFiles, maxFileSize: options.maxFileSize },
    hasGuards: Boolean(http && http.guards && http.guards.length > 0),
    security: given ?? (hasKey ? [{ [SECURITY_KEY_SCHEME]: [] }] : undefined),
  };
}

function settingsOf<T>(app: INestApplication, token: symbol | string): T {
  try {
    return app.get<T>(token, { strict: false });
  } catch (cause) {
    throw new AgentOsConfigurationError(
      'createAgentOsDocument(): the application has no AgentOsModule. Import AgentOsModule.forRoot() or forRootAsync().',
      { cause },
    );
  }
}
