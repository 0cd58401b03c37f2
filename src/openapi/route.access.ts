import type { INestApplication } from '@nestjs/common';

import type { AgentOsExtras, ResolvedAgentOsOptions } from '../agent-os.options.js';
import { EXTRAS, RESOLVED_OPTIONS } from '../agent-os.tokens.js';
import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import type { FileLimits } from '../http/forms/file.limits.js';
import { SCHEMA_PREFIX } from './schema.builders.js';

/** Under which name a document has the security key. */
export const SECURITY_KEY_SCHEME = `${SCHEMA_PREFIX}SecurityKey`;

/** What a request must fulfil, each by the name of a security scheme of the document. */
export type SecurityRequirements = Record<string, string[]>[];

/** What stands before the routes of an application. */
export interface RouteAccess {
  readonly hasKey: boolean;
  readonly hasGuards: boolean;
  /** What a run may bring. */
  readonly files: FileLimits;
  /** Undefined: as the document says for all routes. */
  readonly security: SecurityRequirements | undefined;
}

/** @param given - what the host says of its own guards */
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
