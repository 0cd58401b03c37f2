import type { Schema, Schemas } from '../open-api.types.js';
import { listOf, object, ref } from '../schema.builders.js';

export const pageSchemas: Schemas = {
  SessionPage: page('Sessions.', 'SessionSummary'),
};

function page(description: string, item: string): Schema {
  return object(description, { required: { data: listOf(ref(item)), meta: ref('PageMeta') } });
}
