import { z } from 'zod';

import { REMEMBERED_RUNS } from '../execution/run.index.js';
import { COMPONENT_KINDS, type ComponentKind } from '../model/component-identity.js';
import { AgUiEvent, agUiRequest } from './ag-ui.js';
import { WIRE_COMPONENTS, WireWorkflowSummary } from './components.js';
import { WireConfig, WireHealth, WireHome, WireInfo, WireModel } from './config.js';
import { WireDailyMetrics, WireDays, WireMetricsRefresh, WireMetricsRefreshState } from './daily.metrics.js';
import { WireError, WireValidationError } from './errors.js';
import { WireEvaluation, WireEvaluationPage } from './evaluations.js';
import {
  WireChanges,
  WireExecution,
  WireExecutions,
  WireHook,
  WireListedRuns,
  WireRetries,
  WireStats,
  WireTimeline,
} from './hooks.js';
import { MAX_PAGE_MIB } from './pages.js';
import * as requests from './requests.js';
import { FAILED_RUNS, WIRE_RUNS, WirePendingRun } from './runs.js';
import { SESSION_RUNS, WireRunPreview } from './session-runs.js';
import { SESSION_DETAILS, WireSessionPage } from './sessions.js';
import { RESUMED_EVENTS, WIRE_EVENTS } from './streams.js';
import { WireTraceFilterSchema } from './trace.filter.js';
import {
  WireTrace,
  WireTraceDetailPage,
  WireTracePage,
  WireTraceSessionPage,
  WireTraceSpan,
} from './traces.js';
import { chatRequest, UiMessageChunk } from './ui-messages.js';

/** A route of the protocol. Controllers have their paths from it, and the OpenAPI document everything else. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Without prefixes and versions, such as `agents/:id`. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** Whether the route is open to all clients, even with a key or guards. */
  readonly isOpen?: boolean;
  readonly query?: typeof requests.databaseQuery;
  readonly body?: RouteBody;
  /** By status, or `default`. */
  readonly answers: Readonly<Record<string, Answer>>;
}

/** The body of a request. */
export interface RouteBody {
  readonly schema: z.ZodObject;
  /** Whether the fields may also come as a form. */
  readonly isForm?: boolean;
  readonly isOptional?: boolean;
}

/** An answer. */
export interface Answer {
  readonly description: string;
  readonly headers?: Readonly<Record<string, { readonly description: string; readonly schema: z.ZodType }>>;
  /** The JSON body. */
  readonly json?: z.ZodType | undefined;
  /** The data of each event of a stream. */
  readonly events?: z.ZodType;
}

/** The name of a route, such as `GET agents/:id`. */
export function nameOf({ method, path }: Route): string {
  return `${method} ${path}`;
}

type Routes = Readonly<Record<string, Route>>;

const json = (description: string, schema: z.ZodType): Answer => ({ description, json: schema });
const events = (description: string, event: z.ZodType, otherwise?: z.ZodType): Answer => ({
  description,
  events: event,
  json: otherwise,
});
const nothing = (description: string): Answer => ({ description });
const problem = (description: string): Answer => json(description, WireError);

const retryLater = (answer: Answer): Answer => ({
  ...answer,
  headers: { 'Retry-After': { description: 'Seconds after which to ask again.', schema: z.int() } },
});

const pageOfRuns = (run: z.ZodType): Answer => ({
  ...json(`The runs, the oldest first: the latest ones, up to ${MAX_PAGE_MIB} MiB.`, z.array(run)),
  headers: {
    Link: {
      description: 'The address of the runs before these, with `rel="next"`, if there are any.',
      schema: z.string(),
    },
  },
});

/** The answer to a request with wrong fields. */
const INVALID = json('Fields are wrong or missing.', WireValidationError);
const NO_DATABASE = problem('There is no such database.');

/** The answers to a form that is refused before its fields are read. */
const FORM_PROBLEMS = {
  408: problem('The client has sent nothing of its form for too long.'),
  413: problem('The form, a field or a file is too large, or there are too many files.'),
  503: retryLater(problem('The forms of other requests take too much memory.')),
};

/** The answer to a chat client. */
const UI_MESSAGES: Answer = {
  ...events('The chunks of the message: each has a line `data:` and an empty line.', UiMessageChunk),
  headers: {
    'x-vercel-ai-ui-message-stream': { description: 'The version of the stream: `v1`.', schema: z.string() },
  },
};

/** The answer to a client of AG-UI. */
const AG_UI_EVENTS = events(
  'The events of the run: each has the lines `data:` and `id:`, and an empty line.',
  AgUiEvent,
);

/** The routes that describe the server. `home` has no controller. */
export const SERVER_ROUTES = {
  home: {
    method: 'GET',
    path: '',
    tag: 'AgentOS',
    isOpen: true,
    summary: 'Show that AgentOS is here',
    answers: { 200: json('The name of the server.', WireHome) },
  },
  health: {
    method: 'GET',
    path: 'health',
    tag: 'AgentOS',
    isOpen: true,
    summary: 'Tell whether the server answers',
    answers: { 200: json('The server is up.', WireHealth) },
  },
  info: {
    method: 'GET',
    path: 'info',
    tag: 'AgentOS',
    isOpen: true,
    summary: 'Describe the server',
    description: 'Also the number of its components, and the credentials that a client needs.',
    answers: { 200: json('The server.', WireInfo) },
  },
  config: {
    method: 'GET',
    path: 'config',
    tag: 'AgentOS',
    summary: 'Show the configuration',
    description: 'The components, and where sessions and evaluations are kept.',
    answers: { 200: json('The configuration.', WireConfig) },
  },
  models: {
    method: 'GET',
    path: 'models',
    tag: 'AgentOS',
    summary: 'List the models of agents and teams',
    answers: { 200: json('The models, each once.', z.array(WireModel)) },
  },
} as const satisfies Routes;

const NO_EXECUTION = problem('There is no such execution, or no such database.');

/** The routes of hooks, their executions and their runs. */
export const HOOK_ROUTES = {
  list: {
    method: 'GET',
    path: 'hooks',
    tag: 'AgentOS hooks',
    summary: 'List hooks',
    answers: { 200: json('Every hook, where it is attached, its mode and why.', z.array(WireHook)) },
  },
  runs: {
    method: 'GET',
    path: 'hooks/runs',
    tag: 'AgentOS hooks',
    summary: 'List runs, in flight and settled',
    query: requests.listedRunsQuery,
    answers: {
      200: json(
        'The runs that have not ended, the oldest first; then those that have settled, the latest first.',
        WireListedRuns,
      ),
      404: NO_DATABASE,
      422: INVALID,
    },
  },
  run: {
    method: 'GET',
    path: 'hooks/runs/:run_id',
    tag: 'AgentOS hooks',
    summary: 'Show a run, its parts and their hooks',
    query: requests.databaseQuery,
    answers: {
      200: json('The run, the runs below it, and the executions of their hooks.', WireTimeline),
      404: problem(
        `There is no such run among those in flight and the latest ${REMEMBERED_RUNS.toLocaleString('en')}.`,
      ),
      422: INVALID,
    },
  },
  stats: {
    method: 'GET',
    path: 'hooks/stats',
    tag: 'AgentOS hooks',
    summary: 'Count hooks and runs',
    query: requests.databaseQuery,
    answers: {
      200: json('The numbers of hooks that wait, run and have failed, and how long hooks take.', WireStats),
      404: NO_DATABASE,
      422: INVALID,
    },
  },
  changes: {
    method: 'GET',
    path: 'hooks/changes',
    tag: 'AgentOS hooks',
    summary: 'Stream the changes of runs and hooks',
    description:
      'Those of this server process, collected for a quarter of a second. The first event is sent at once; ask for the ' +
      'lists after it, and no change is missed.',
    query: requests.databaseQuery,
    answers: {
      200: events('Runs and executions that have changed, until the client leaves.', WireChanges),
      404: NO_DATABASE,
      422: INVALID,
    },
  },
  executions: {
    method: 'GET',
    path: 'hooks/executions',
    tag: 'AgentOS hooks',
    summary: 'List executions of hooks',
    query: requests.executionsQuery,
    answers: {
      200: json('The executions, the newest first.', WireExecutions),
      404: NO_DATABASE,
      422: INVALID,
    },
  },
  retryAll: {
    method: 'POST',
    path: 'hooks/executions/retry',
    tag: 'AgentOS hooks',
    summary: 'Retry failed executions of a hook',
    description:
      'Runs the background hook once more for its executions that have failed or timed out in this time, those that have failed ' +
      'first up to the limit, with the same execution ids and the next attempts.',
    query: requests.databaseQuery,
    body: { schema: requests.hookRetry },
    answers: {
      202: json('The executions that are retried, those that are not, and how many are left.', WireRetries),
      404: NO_DATABASE,
      422: INVALID,
    },
  },
  retry: {
    method: 'POST',
    path: 'hooks/executions/:execution_id/retry',
    tag: 'AgentOS hooks',
    summary: 'Retry a failed execution of a hook',
    description:
      'Runs the background hook once more, with the same execution id and the next attempt, outside the order of its run.',
    query: requests.databaseQuery,
    answers: {
      202: json('The execution, which is scheduled again.', WireExecution),
      404: NO_EXECUTION,
      409: problem('The execution has neither failed nor timed out, or is inline.'),
      410: problem('The data of its run is not kept any longer.'),
      422: INVALID,
    },
  },
  cancel: {
    method: 'DELETE',
    path: 'hooks/executions/:execution_id',
    tag: 'AgentOS hooks',
    summary: 'Cancel an execution that waits',
    query: requests.databaseQuery,
    answers: {
      200: json('The execution, which is dropped.', WireExecution),
      404: NO_EXECUTION,
      409: problem('The execution does not wait: it runs, has ended, or is inline.'),
      422: INVALID,
    },
  },
} as const satisfies Routes;

const ANY_SESSION = z.union(Object.values(SESSION_DETAILS));
const ANY_RUN = z.union(Object.values(SESSION_RUNS));
const SESSION = json('The session.', ANY_SESSION);
const NO_SESSION = problem('There is no such session.');

/** The routes of sessions and their runs. */
export const SESSION_ROUTES = {
  list: {
    method: 'GET',
    path: 'sessions',
    tag: 'AgentOS sessions',
    summary: 'List sessions',
    query: requests.sessionsQuery,
    answers: { 200: json('A page of sessions.', WireSessionPage), 404: NO_DATABASE, 422: INVALID },
  },
  create: {
    method: 'POST',
    path: 'sessions',
    tag: 'AgentOS sessions',
    summary: 'Make a session',
    query: requests.sessionQuery,
    body: { schema: requests.newSession, isOptional: true },
    answers: { 201: SESSION, 404: NO_DATABASE, 409: problem('There is one with this id.'), 422: INVALID },
  },
  deleteMany: {
    method: 'DELETE',
    path: 'sessions',
    tag: 'AgentOS sessions',
    summary: 'Delete sessions',
    query: requests.sessionQuery,
    body: { schema: requests.sessionDeletion },
    answers: {
      204: nothing('Deleted.'),
      400: problem('There are more ids than types, or fewer.'),
      404: NO_DATABASE,
      422: INVALID,
    },
  },
  show: {
    method: 'GET',
    path: 'sessions/:session_id',
    tag: 'AgentOS sessions',
    summary: 'Show a session',
    query: requests.sessionQuery,
    answers: { 200: SESSION, 404: NO_SESSION, 422: INVALID },
  },
  update: {
    method: 'PATCH',
    path: 'sessions/:session_id',
    tag: 'AgentOS sessions',
    summary: 'Change a session',
    query: requests.sessionQuery,
    body: { schema: requests.sessionUpdate },
    answers: { 200: SESSION, 404: NO_SESSION, 422: INVALID },
  },
  delete: {
    method: 'DELETE',
    path: 'sessions/:session_id',
    tag: 'AgentOS sessions',
    summary: 'Delete a session',
    query: requests.sessionQuery,
    answers: { 204: nothing('Deleted.'), 404: NO_DATABASE, 422: INVALID },
  },
  rename: {
    method: 'POST',
    path: 'sessions/:session_id/rename',
    tag: 'AgentOS sessions',
    summary: 'Rename a session',
    query: requests.sessionQuery,
    body: { schema: requests.sessionName },
    answers: { 200: SESSION, 404: NO_SESSION, 422: INVALID },
  },
  runs: {
    method: 'GET',
    path: 'sessions/:session_id/runs',
    tag: 'AgentOS sessions',
    summary: 'List the runs of a session',
    query: requests.sessionRunsQuery,
    answers: { 200: pageOfRuns(ANY_RUN), 404: NO_SESSION, 422: INVALID },
  },
  runPreviews: {
    method: 'GET',
    path: 'sessions/:session_id/run-previews',
    tag: 'AgentOS sessions',
    summary: 'List the runs of a session in short',
    description: 'Runs in flight follow those that have settled.',
    query: requests.sessionRunsQuery,
    answers: { 200: pageOfRuns(WireRunPreview), 404: NO_SESSION, 422: INVALID },
  },
  run: {
    method: 'GET',
    path: 'sessions/:session_id/runs/:run_id',
    tag: 'AgentOS sessions',
    summary: 'Show a run of a session',
    query: requests.sessionQuery,
    answers: {
      200: json('The run.', ANY_RUN),
      404: problem('There is no such session or run.'),
      422: INVALID,
    },
  },
} as const satisfies Routes;

const EVALUATION = json('The evaluation.', WireEvaluation);
const NO_EVALUATION = problem('There is no such evaluation.');

/** The routes of the evaluations of judges. */
export const EVALUATION_ROUTES = {
  list: {
    method: 'GET',
    path: 'eval-runs',
    tag: 'AgentOS eval runs',
    summary: 'List evaluations',
    query: requests.evaluationsQuery,
    answers: { 200: json('A page of evaluations.', WireEvaluationPage), 404: NO_DATABASE, 422: INVALID },
  },
  run: {
    method: 'POST',
    path: 'eval-runs',
    tag: 'AgentOS eval runs',
    summary: 'Run an agent or a team and have its answer judged',
    description:
      'The engine of its hook `agentAsJudge()`, or of that of the module, judges by the criteria of the request. The run is ' +
      'like any other.',
    query: requests.databaseQuery,
    body: { schema: requests.newEvaluation },
    answers: {
      200: EVALUATION,
      400: problem(
        'There are no criteria, no component or two of them, or a hook has rejected the input or the output.',
      ),
      404: problem('There is no such agent or team.'),
      422: INVALID,
      500: problem('The run or its judge has failed.'),
      501: problem('The component has no judge, or the evaluation is of another type.'),
      502: problem("The model's provider has failed, or the judge gave no verdict."),
      503: retryLater(problem('Too many runs are in flight, or the server shuts down.')),
      504: problem('The run or its judge has taken too long.'),
      default: problem('The run has ended with the status that a hook or an engine chose.'),
    },
  },
  deleteMany: {
    method: 'DELETE',
    path: 'eval-runs',
    tag: 'AgentOS eval runs',
    summary: 'Delete evaluations',
    query: requests.databaseQuery,
    body: { schema: requests.evaluationDeletion },
    answers: { 204: nothing('Deleted.'), 404: NO_DATABASE, 422: INVALID },
  },
  show: {
    method: 'GET',
    path: 'eval-runs/:eval_run_id',
    tag: 'AgentOS eval runs',
    summary: 'Show an evaluation',
    query: requests.databaseQuery,
    answers: { 200: EVALUATION, 404: NO_EVALUATION, 422: INVALID },
  },
  rename: {
    method: 'PATCH',
    path: 'eval-runs/:eval_run_id',
    tag: 'AgentOS eval runs',
    summary: 'Rename an evaluation',
    query: requests.databaseQuery,
    body: { schema: requests.evaluationName },
    answers: { 200: EVALUATION, 404: NO_EVALUATION, 422: INVALID },
  },
} as const satisfies Routes;

/** The routes of traces. */
export const TRACE_ROUTES = {
  list: {
    method: 'GET',
    path: 'traces',
    tag: 'AgentOS traces',
    summary: 'List traces',
    description: `A trace is a root run that has settled, with its parts and hooks: names and times, never content. The latest ${REMEMBERED_RUNS.toLocaleString('en')} runs of this process are remembered.`,
    query: requests.tracesQuery,
    answers: {
      200: json('A page of traces, the latest first.', WireTracePage),
      404: NO_DATABASE,
      422: INVALID,
    },
  },
  show: {
    method: 'GET',
    path: 'traces/:trace_id',
    tag: 'AgentOS traces',
    summary: 'Show a trace',
    query: requests.traceQuery,
    answers: {
      200: json('The trace with all of its spans, or one of them.', z.union([WireTrace, WireTraceSpan])),
      404: problem('There is no such trace, or it has no such span.'),
      422: INVALID,
    },
  },
  search: {
    method: 'POST',
    path: 'traces/search',
    tag: 'AgentOS traces',
    summary: 'Search traces',
    query: requests.databaseQuery,
    body: { schema: requests.traceSearch },
    answers: {
      200: json(
        'A page of traces with all of their spans, or of sessions; the latest first.',
        z.union([WireTraceDetailPage, WireTraceSessionPage]),
      ),
      400: problem(
        'The filter is not one of the protocol, or compares fields or values that traces do not have.',
      ),
      404: NO_DATABASE,
      422: INVALID,
    },
  },
  filterSchema: {
    method: 'GET',
    path: 'traces/filter-schema',
    tag: 'AgentOS traces',
    summary: 'Describe the filters of traces',
    query: requests.databaseQuery,
    answers: {
      200: json('The fields that a search may compare, and how.', WireTraceFilterSchema),
      404: NO_DATABASE,
      422: INVALID,
    },
  },
  sessions: {
    method: 'GET',
    path: 'trace_session_stats',
    tag: 'AgentOS traces',
    summary: 'Count traces by session',
    query: requests.traceSessionsQuery,
    answers: {
      200: json('A page of sessions, the one with the latest trace first.', WireTraceSessionPage),
      404: NO_DATABASE,
      422: INVALID,
    },
  },
} as const satisfies Routes;

/** The routes of metrics by day. */
export const METRICS_ROUTES = {
  list: {
    method: 'GET',
    path: 'metrics',
    tag: 'AgentOS metrics',
    summary: 'Count runs and tokens by day',
    description: 'Of the runs that `GET /traces` remembers.',
    query: requests.metricsQuery,
    answers: {
      200: json('The days with runs, the earliest first.', WireDailyMetrics),
      404: NO_DATABASE,
      422: INVALID,
    },
  },
  refresh: {
    method: 'POST',
    path: 'metrics/refresh',
    tag: 'AgentOS metrics',
    summary: 'Count runs and tokens anew',
    description: 'Changes nothing: metrics are counted whenever they are asked for.',
    query: requests.metricsRefreshQuery,
    answers: {
      200: json('The days with runs, the earliest first.', WireDays),
      202: json('The metrics are up to date.', WireMetricsRefresh),
      404: NO_DATABASE,
      422: INVALID,
    },
  },
  refreshState: {
    method: 'GET',
    path: 'metrics/refresh/status',
    tag: 'AgentOS metrics',
    summary: 'Tell whether metrics are counted',
    query: requests.databaseQuery,
    answers: {
      200: json('They are up to date.', WireMetricsRefreshState),
      404: NO_DATABASE,
      422: INVALID,
    },
  },
} as const satisfies Routes;

const ARTICLES = { agent: 'an', team: 'a', workflow: 'a' } as const satisfies Record<ComponentKind, string>;

function componentRoutesOf(kind: ComponentKind) {
  const tag = `AgentOS ${kind}s`;
  const one = `${ARTICLES[kind]} ${kind}`;
  const path = `${kind}s`;
  const form = { isForm: true };
  const noRun = problem(`There is no such ${kind}, or no such run of the user.`);
  return {
    list: {
      method: 'GET',
      path,
      tag,
      summary: `List ${kind}s`,
      answers: {
        200: json(
          `The served ${kind}s.`,
          z.array(kind === 'workflow' ? WireWorkflowSummary : WIRE_COMPONENTS[kind]),
        ),
      },
    },
    show: {
      method: 'GET',
      path: `${path}/:id`,
      tag,
      summary: `Show ${one}`,
      answers: {
        200: json(`The ${kind}.`, WIRE_COMPONENTS[kind]),
        404: problem(`There is no such ${kind}.`),
      },
    },
    start: {
      method: 'POST',
      path: `${path}/:id/runs`,
      tag,
      summary: `Run ${one}`,
      description:
        'The answer is a stream of events, or JSON with `stream=false`. With `background=true` the run goes on when ' +
        'its client has left; with `stream=false` it is answered at once, before the run has ended. The fields may ' +
        'come urlencoded or as JSON as well. A client that has lost the stream sends the same request again, with the ' +
        'header `Last-Event-ID`: the answer has the events after this one, and no run is started.',
      body: { ...form, schema: requests.runRequest },
      answers: {
        200: events(
          'The run, or its events: each has a line `event:`, a line `data:`, a line `id:` and an empty line.',
          WIRE_EVENTS[kind],
          WIRE_RUNS[kind],
        ),
        202: json('The run has begun (`background=true`, `stream=false`).', WirePendingRun),
        204: nothing('With `Last-Event-ID`: the run has ended, and the client has all of its events.'),
        ...FORM_PROBLEMS,
        ...runFailuresOf(kind),
      },
    },
    runs: {
      method: 'GET',
      path: `${path}/:id/runs`,
      tag,
      summary: `List the runs of ${one} in a session`,
      query: requests.runsQuery,
      answers: {
        200: pageOfRuns(SESSION_RUNS[kind]),
        404: problem(`There is no such ${kind} or session.`),
        422: INVALID,
      },
    },
    run: {
      method: 'GET',
      path: `${path}/:id/runs/:run_id`,
      tag,
      summary: `Show a run of ${one}`,
      query: requests.runQuery,
      answers: {
        200: json('The run; its answer is shown only once it has settled.', WIRE_RUNS[kind]),
        404: problem(`There is no such ${kind} or run.`),
        422: INVALID,
      },
    },
    cancel: {
      method: 'POST',
      path: `${path}/:id/runs/:run_id/cancel`,
      tag,
      summary: `Stop a run of ${one}`,
      query: requests.cancelQuery,
      answers: {
        200: json('The run is stopped, or there was nothing to stop.', z.object({}).describe('Empty.')),
        404: noRun,
        422: INVALID,
      },
    },
    continue: {
      method: 'POST',
      path: `${path}/:id/runs/:run_id/continue`,
      tag,
      summary: `Go on with a run of ${one}`,
      description: 'Not supported: runs do not pause.',
      body: { ...form, schema: requests.continuation },
      answers: {
        400: problem('`session_id` is missing, or the form is malformed.'),
        404: problem(`There is no such ${kind} or run.`),
        ...FORM_PROBLEMS,
        422: INVALID,
        501: problem('Not supported.'),
      },
    },
    resume: {
      method: 'POST',
      path: `${path}/:id/runs/:run_id/resume`,
      tag,
      summary: `Read the stream of ${one}'s run again`,
      description:
        'For clients that have lost the stream of a run. The last event that they have is in the form, or in the header ' +
        '`Last-Event-ID`.',
      body: { ...form, schema: requests.resumption, isOptional: true },
      answers: {
        200: events('A frame about the stream itself, then events.', RESUMED_EVENTS[kind]),
        400: problem('The form is malformed.'),
        404: noRun,
        ...FORM_PROBLEMS,
        422: INVALID,
      },
    },
    chat: {
      method: 'POST',
      path: `${path}/:id/chat`,
      tag,
      summary: `Chat with ${one}, from the AI SDK's UI`,
      description:
        "For `useChat()` and the other chat clients of the AI SDK: the answer is the AI SDK's UI message stream, version " +
        '1. A run that did not complete ends the stream with a chunk `error`. The chat is the session of the run.',
      body: { schema: chatRequest },
      answers: {
        200: UI_MESSAGES,
        400: problem('A file is empty or of an unsupported type.'),
        404: problem(`There is no such ${kind}, or the session belongs to another user.`),
        413: problem('A text or a file is too large, or there are too many files.'),
        422: INVALID,
        503: retryLater(problem('Too many runs are in flight, or the server shuts down.')),
      },
    },
    agUi: {
      method: 'POST',
      path: `${path}/:id/ag-ui`,
      tag,
      summary: `Run ${one} for an AG-UI client`,
      description:
        'For `HttpAgent` and other clients of AG-UI, version 1.0. A run that did not complete ends the stream with `RUN_ERROR`, ' +
        'and one that was stopped with the outcome `cancelled`. The thread is the session of the run. A client that has ' +
        'lost the stream sends the request once more with the header `Last-Event-ID`: the answer has the events after this ' +
        'one, and no run is started.',
      body: { schema: agUiRequest },
      answers: {
        200: AG_UI_EVENTS,
        204: nothing('With `Last-Event-ID`: the run has ended, and the client has all of its events.'),
        400: problem(
          'A file is empty or of an unsupported type, or `Last-Event-ID` is not the id of an event.',
        ),
        404: problem(
          `There is no such ${kind}, the session belongs to another user, or the run of \`Last-Event-ID\` is not recorded.`,
        ),
        413: problem('A text or a file is too large, or there are too many files.'),
        422: INVALID,
        503: retryLater(problem('Too many runs are in flight, or the server shuts down.')),
      },
    },
    chatStream: {
      method: 'GET',
      path: `${path}/:id/chat/:session_id/stream`,
      tag,
      summary: `Read the answer of ${one} to a chat again`,
      description:
        'For clients that have lost the connection, or have loaded their page again: the whole message, from its start.',
      answers: {
        200: UI_MESSAGES,
        204: nothing('No answer is being streamed.'),
        404: problem(`There is no such ${kind}.`),
      },
    },
    agUiStream: {
      method: 'GET',
      path: `${path}/:id/ag-ui/:thread_id/stream`,
      tag,
      summary: `Read the events of a run of ${one} once more, for an AG-UI client`,
      description:
        'For clients that have lost the connection, or have loaded their page again: the events of the run in flight from ' +
        'the first one on; with the header `Last-Event-ID` those after that event.',
      answers: {
        200: AG_UI_EVENTS,
        204: nothing(
          'No run of the thread is in flight; with `Last-Event-ID`: the client has all events of its run.',
        ),
        400: problem('`Last-Event-ID` is not the id of an event.'),
        404: problem(`There is no such ${kind}, or the run of \`Last-Event-ID\` is not recorded.`),
      },
    },
  } as const satisfies Routes;
}

/** Hooks and engines may end a run with any status, so each of these can be a run that did not complete. */
function runFailuresOf(kind: ComponentKind): Readonly<Record<string, Answer>> {
  const run = FAILED_RUNS[kind];
  const either = z.union([run, WireError]);
  return {
    400: json('A hook has rejected the input or the output, or the form is malformed.', either),
    404: json(`There is no such ${kind}, or the session belongs to another user.`, either),
    422: json('Fields are wrong or missing.', z.union([run, WireValidationError])),
    500: json('The run has failed.', either),
    502: json("The model's provider has failed.", run),
    503: retryLater(
      json('Too many runs are in flight, forms take too much memory, or the server shuts down.', either),
    ),
    504: json('The run has taken too long.', run),
    default: json('The run has ended with the status that a hook or an engine chose.', either),
  };
}

const workflowRoutes = componentRoutesOf('workflow');

/** The routes of components and their runs, by kind. */
export const COMPONENT_ROUTES = {
  agent: componentRoutesOf('agent'),
  team: componentRoutesOf('team'),
  workflow: {
    ...workflowRoutes,
    show: {
      ...workflowRoutes.show,
      query: requests.workflowQuery,
      answers: { ...workflowRoutes.show.answers, 422: INVALID },
    },
  },
} as const satisfies Record<ComponentKind, Routes>;

/** Every route of the protocol. */
export const ALL_ROUTES: readonly Route[] = [
  ...Object.values(SERVER_ROUTES),
  ...COMPONENT_KINDS.flatMap((kind): Route[] => Object.values(COMPONENT_ROUTES[kind])),
  ...Object.values(HOOK_ROUTES),
  ...Object.values(SESSION_ROUTES),
  ...Object.values(EVALUATION_ROUTES),
  ...Object.values(TRACE_ROUTES),
  ...Object.values(METRICS_ROUTES),
];
