import '../../protocol/components.js';
import '../../protocol/config.js';
import '../../protocol/errors.js';
import '../../protocol/evaluations.js';
import '../../protocol/streams.js';
import '../../protocol/hooks.js';
import '../../protocol/requests.js';
import '../../protocol/runs.js';
import '../../protocol/session-runs.js';
import '../../protocol/sessions.js';
import { documentSchemas } from '../../protocol/openapi.js';
import type { Schemas } from '../open-api.types.js';

/** Every schema of the protocol under its name in a document. */
export const ALL_SCHEMAS: Schemas = documentSchemas('3.0');
