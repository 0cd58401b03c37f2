import type { Schema, Schemas } from '../open-api.types.js';
import { integer, listOf, number, object, ref } from '../schema.builders.js';

export const pageSchemas: Schemas = {
  PageMeta: object('Which part of a list this is.', {
    required: {
      page: integer('The first is 1.'),
      limit: integer('Entries on a page.'),
      total_pages: integer(),
      total_count: integer('Entries on all pages.'),
      search_time_ms: number('Milliseconds.'),
    },
  }),
  SessionPage: page('Sessions.', 'SessionSummary'),
  EvalRunPage: page('Evaluations.', 'EvalRun'),
};

function page(description: string, item: string): Schema {
  return object(description, { required: { data: listOf(ref(item)), meta: ref('PageMeta') } });
}
