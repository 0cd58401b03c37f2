import { documentSchemas } from '../../protocol/openapi.js';
import '../../protocol/evaluations.js';
import '../../protocol/hooks.js';
import '../../protocol/requests.js';
import type { Schemas } from '../open-api.types.js';
import { SCHEMA_PREFIX } from '../../protocol/schema.js';
import { componentSchemas } from './component.schemas.js';
import { configSchemas } from './config.schemas.js';
import { conversationEventSchemas } from './conversation-event.schemas.js';
import { errorSchemas } from './error.schemas.js';
import { messageSchemas } from './message.schemas.js';
import { metricsSchemas } from './metrics.schemas.js';
import { pageSchemas } from './page.schemas.js';
import { runSchemas } from './run.schemas.js';
import { sessionRunSchemas } from './session-run.schemas.js';
import { sessionSchemas } from './session.schemas.js';
import { stepSchemas } from './step.schemas.js';
import { streamSchemas } from './stream.schemas.js';
import { workflowEventSchemas } from './workflow-event.schemas.js';

const TOPICS: readonly Schemas[] = [
  configSchemas,
  componentSchemas,
  runSchemas,
  messageSchemas,
  metricsSchemas,
  stepSchemas,
  streamSchemas,
  conversationEventSchemas,
  workflowEventSchemas,
  sessionSchemas,
  sessionRunSchemas,
  pageSchemas,
  errorSchemas,
];

/** The schemas that do not stand in `src/protocol` yet, by their names in a document. */
export const WRITTEN_SCHEMAS: Schemas = Object.fromEntries(
  TOPICS.flatMap((topic) =>
    Object.entries(topic).map(([name, schema]) => [SCHEMA_PREFIX + name, schema] as const),
  ),
);

/** Every schema of the protocol under its name in a document. */
export const ALL_SCHEMAS: Schemas = { ...WRITTEN_SCHEMAS, ...documentSchemas('3.0') };
