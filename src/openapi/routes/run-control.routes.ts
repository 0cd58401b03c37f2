import type { ComponentKind } from '../../model/component.js';
import { cancelQuery } from '../../protocol/requests.js';
import type { RouteDescription, RouteDescriptions } from '../open-api.types.js';
import { object, ref } from '../schema.builders.js';
import { FORM_PROBLEMS, formBody, INVALID, json, KIND_WORDS, KINDS, problem } from './route.builders.js';

/** Control of runs that have begun. */
export const runControlRoutes: RouteDescriptions = Object.assign(
  {},
  ...KINDS.map(routesOf),
) as RouteDescriptions;

function routesOf(kind: ComponentKind): RouteDescriptions {
  return {
    [`POST ${kind}s/:id/runs/:run_id/cancel`]: cancelRoute(kind),
    [`POST ${kind}s/:id/runs/:run_id/continue`]: continueRoute(kind),
    [`POST ${kind}s/:id/runs/:run_id/resume`]: resumeRoute(kind),
  };
}

function cancelRoute(kind: ComponentKind): RouteDescription {
  return {
    tag: `AgentOS ${kind}s`,
    summary: `Stop a run of ${KIND_WORDS[kind].article}`,
    query: cancelQuery,
    answers: {
      200: json('The run is stopped, or there was nothing to stop.', object('Empty.')),
      404: problem(`There is no such ${kind}, or no such run of the user.`),
      422: INVALID,
    },
  };
}

function continueRoute(kind: ComponentKind): RouteDescription {
  return {
    tag: `AgentOS ${kind}s`,
    summary: `Go on with a run of ${KIND_WORDS[kind].article}`,
    description: 'Not supported: runs do not pause.',
    requestBody: formBody('Continuation'),
    answers: {
      400: problem('`session_id` is missing, or the form is malformed.'),
      404: problem(`There is no such ${kind} or run.`),
      ...FORM_PROBLEMS,
      422: INVALID,
      501: problem('Not supported.'),
    },
  };
}

function resumeRoute(kind: ComponentKind): RouteDescription {
  const { article, name } = KIND_WORDS[kind];
  return {
    tag: `AgentOS ${kind}s`,
    summary: `Read the stream of ${article}'s run again`,
    description: 'For clients that have lost the connection to a run with `background=true`.',
    requestBody: formBody('Resumption', false),
    answers: {
      200: {
        description: 'A frame that says what follows, then events.',
        content: { 'text/event-stream': { schema: ref(`Resumed${name}Event`) } },
      },
      400: problem('The form is malformed.'),
      404: problem(`There is no such ${kind}, or no such run of the user.`),
      ...FORM_PROBLEMS,
      422: INVALID,
    },
  };
}
