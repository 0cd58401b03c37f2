import type { ComponentKind } from '../../model/component.js';
import { runQuery, runsQuery } from '../../protocol/requests.js';
import type { Answer, RouteDescription, RouteDescriptions } from '../open-api.types.js';
import { listOf, ref } from '../schema.builders.js';
import {
  FORM_PROBLEMS,
  formBody,
  INVALID,
  json,
  KIND_WORDS,
  KINDS,
  problem,
  retryLater,
  runPage,
} from './route.builders.js';

/** Runs of components. */
export const runRoutes: RouteDescriptions = Object.assign({}, ...KINDS.map(routesOf)) as RouteDescriptions;

function routesOf(kind: ComponentKind): RouteDescriptions {
  return {
    [`POST ${kind}s/:id/runs`]: startRoute(kind),
    [`GET ${kind}s/:id/runs`]: listRoute(kind),
    [`GET ${kind}s/:id/runs/:run_id`]: showRoute(kind),
  };
}

function startRoute(kind: ComponentKind): RouteDescription {
  const { article, prefix, name } = KIND_WORDS[kind];
  return {
    tag: `AgentOS ${kind}s`,
    summary: `Run ${article}`,
    description:
      'The answer is a stream of events, or JSON with `stream=false`. With `background=true` the run goes on when ' +
      'its client has left; with `stream=false` it is answered at once, before the run has ended. The fields may come ' +
      'urlencoded or as JSON as well.',
    requestBody: formBody('RunRequest'),
    answers: {
      200: {
        description: `The run, or its events: each has a line \`event:\`, a line \`data:\` and an empty line.`,
        content: {
          'application/json': { schema: ref(`${prefix}RunOutput`) },
          'text/event-stream': { schema: ref(`${name}Event`) },
        },
      },
      202: json('The run has begun (`background=true`, `stream=false`).', ref('PendingRun')),
      ...FORM_PROBLEMS,
      ...failuresOf(kind),
    },
  };
}

/** Hooks and engines may end a run with any status, so each of these can be a run that did not complete. */
function failuresOf(kind: ComponentKind): Readonly<Record<string, Answer>> {
  const failedRun = ref(`Failed${KIND_WORDS[kind].prefix}Run`);
  const either = { anyOf: [failedRun, ref('HttpError')] };
  return {
    400: json('A hook has rejected the input or the output, or the form is malformed.', either),
    404: json(`There is no such ${kind}, or the session is somebody else's.`, either),
    422: json('Fields are wrong or missing.', { anyOf: [failedRun, ref('ValidationError')] }),
    500: json('The run has failed.', either),
    502: json("The model's provider has failed.", failedRun),
    503: retryLater(
      json('Too many runs are in flight, forms take too much memory, or the server shuts down.', either),
    ),
    504: json('The run has taken too long.', failedRun),
    default: json('The run has ended with the status that a hook or an engine chose.', either),
  };
}

function listRoute(kind: ComponentKind): RouteDescription {
  const { name, article } = KIND_WORDS[kind];
  return {
    tag: `AgentOS ${kind}s`,
    summary: `List the runs of ${article} in a session`,
    query: runsQuery,
    answers: {
      200: runPage(listOf(ref(`${name}SessionRun`))),
      404: problem(`There is no such ${kind} or session.`),
      422: INVALID,
    },
  };
}

function showRoute(kind: ComponentKind): RouteDescription {
  const { prefix, article } = KIND_WORDS[kind];
  return {
    tag: `AgentOS ${kind}s`,
    summary: `Show a run of ${article}`,
    query: runQuery,
    answers: {
      200: json('The run; what it says is shown only once it has settled.', ref(`${prefix}RunOutput`)),
      404: problem(`There is no such ${kind} or run.`),
      422: INVALID,
    },
  };
}
