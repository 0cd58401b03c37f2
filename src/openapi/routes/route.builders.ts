import type { ComponentKind } from '../../model/component.js';
import type { Answer, RequestBody, Schema } from '../open-api.types.js';
import { integer, ref, text } from '../schema.builders.js';

/** The kinds of components, in the order of the routes. */
export const KINDS = ['agent', 'team', 'workflow'] as const satisfies readonly ComponentKind[];

/** The prefix of each kind's schema names, and its name in texts. */
export const KIND_WORDS = {
  agent: { prefix: '', name: 'Agent', article: 'an agent' },
  team: { prefix: 'Team', name: 'Team', article: 'a team' },
  workflow: { prefix: 'Workflow', name: 'Workflow', article: 'a workflow' },
} as const satisfies Record<ComponentKind, object>;

/** An answer with a JSON body. */
export function json(description: string, schema: Schema): Answer {
  return { description, content: { 'application/json': { schema } } };
}

/** An answer without a body. */
export function nothing(description: string): Answer {
  return { description };
}

/** A body that is JSON. */
export function jsonBody(schema: Schema, required = true): RequestBody {
  return { required, content: { 'application/json': { schema } } };
}

/** A form. Only its description mentions the other media types of its fields: decision 27 has the reason. */
export function formBody(name: string, required = true): RequestBody {
  const description = 'The same fields are taken urlencoded and as JSON.';
  return { description, required, content: { 'multipart/form-data': { schema: ref(name) } } };
}

/** An answer with the header that tells the client when to try again. */
export function retryLater(answer: Answer): Answer {
  const seconds = { description: 'Seconds after which to ask again.', schema: integer() };
  return { ...answer, headers: { 'Retry-After': seconds } };
}

/** An error that has only a message. */
export function problem(description: string): Answer {
  return json(description, ref('HttpError'));
}

/** The answers to a form that is refused before its fields are read. */
export const FORM_PROBLEMS: Readonly<Record<string, Answer>> = {
  408: problem('The client has sent nothing of its form for too long.'),
  413: problem('The form, a field or a file is too large, or there are too many files.'),
  503: retryLater(problem('The forms of other requests take too much memory.')),
};

/** The answer to a request with wrong fields. */
export const INVALID: Answer = json('Fields are wrong or missing.', ref('ValidationError'));

/** An answer with a page of runs. */
export function runPage(schema: Schema): Answer {
  return {
    ...json('The runs, the oldest first: the latest ones, up to 16 MiB.', schema),
    headers: {
      Link: {
        description: 'The address of the runs before these, with `rel="next"`, if there are any.',
        schema: text(),
      },
    },
  };
}
