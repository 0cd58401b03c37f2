import { z } from 'zod';

import { HOOK_EXECUTION_STATES } from '../execution/hook-execution.js';
import { COMPONENT_KINDS, type ComponentKind } from '../model/component-identity.js';
import { RUN_OUTCOMES, type RunStatus } from '../model/run-output.js';
import {
  choice,
  choices,
  day,
  fewObjects,
  flag,
  id,
  inAnyCase,
  jsonObject,
  jsonObjects,
  keptObject,
  keyOf,
  keysOf,
  text,
  texts,
  time,
  uploads,
  wholeNumber,
} from './request.fields.js';
import { named } from './schema.js';

/*
 * The fields that clients send, with their limits, defaults and descriptions. The server reads requests by these
 * schemas, and the OpenAPI document shows them. Null and empty texts are missing fields.
 */

/** The fields of hooks and engines that clients may send only if the host accepts context from them. */
export const CLIENT_CONTEXT: readonly string[] = ['dependencies', 'session_state'];

/** The last second that databases and dates can represent: 9999-12-31. */
const LATEST = 253_402_300_799;

/** The number of runs in a page, unless the client asks for another number. */
export const DEFAULT_RUNS = 100;

/** The maximum number of executions in a list. */
export const MAX_EXECUTIONS = 1_000;

const DATABASE = {
  db_id: id().describe('The database, as `GET /config` names it. There is one.').optional(),
  table: id().describe('Ignored: there is no choice.').optional(),
};

const USER = { user_id: id().describe('The user, unless the server identifies the user.').optional() };

const KIND = { type: choice(COMPONENT_KINDS).describe('Kind of the component.').optional() };

const SORT_FIELDS = { created_at: 'createdAt', updated_at: 'updatedAt', name: 'name' } as const;

const PAGE = {
  limit: wholeNumber(1, 1_000).describe('Entries on a page.').default(20),
  // The largest page is far beyond any list, and still exact when it is multiplied.
  page: wholeNumber(0, 1_000_000_000).describe('The page; the first one is 1, or 0.').default(1),
};

const SORTED_PAGE = {
  ...PAGE,
  sort_by: keyOf(SORT_FIELDS).describe('The field to sort by.').default('created_at'),
  sort_order: choice(['asc', 'desc']).describe('The direction of the sorting.').default('desc'),
};

const RUN_PAGE = {
  limit: wholeNumber(1, 1_000).describe('At most this many runs: the latest ones.').default(DEFAULT_RUNS),
  before: id().describe('Id of a run: only the runs before it.').optional(),
};

/** Of stored components, which there are none of. */
const VERSION = {
  version: wholeNumber(0)
    .meta({ description: 'Checked and ignored: components have no versions.', example: '' })
    .optional(),
};

const COMPONENT_IDS = {
  agent_id: id().optional(),
  team_id: id().optional(),
  workflow_id: id().optional(),
};

/** Only entries of some component. */
function componentIdsOf(entries: string) {
  const only = (kind: ComponentKind) => id().describe(`Only ${entries} of this ${kind}.`).optional();
  return { agent_id: only('agent'), team_id: only('team'), workflow_id: only('workflow') };
}

/** The query of routes that ask for nothing else. */
export const databaseQuery = z.object(DATABASE);
/** The fields of every query. */
export type DatabaseQuery = z.output<typeof databaseQuery>;

/** The query of a workflow. */
export const workflowQuery = z.object({ ...VERSION, ...DATABASE });

/** Which session a request is about. */
export const sessionQuery = z.object({ ...KIND, ...USER, ...DATABASE });
export type SessionQuery = z.output<typeof sessionQuery>;

export const sessionsQuery = sessionQuery.extend({
  component_id: id().describe('Only sessions of this component.').optional(),
  session_name: id().describe('Only sessions whose name contains this text.').optional(),
  ...SORTED_PAGE,
});

/** The status of a run in the protocol, by the status in a query. No run has null: runs do not pause here. */
export const RUN_STATUSES = {
  PENDING: 'RUNNING',
  RUNNING: 'RUNNING',
  COMPLETED: 'COMPLETED',
  PAUSED: null,
  CANCELLED: 'CANCELLED',
  ERROR: 'ERROR',
  REGENERATED: null,
} as const satisfies Record<string, RunStatus | null>;

export const sessionRunsQuery = sessionQuery.extend({
  created_after: wholeNumber(0, LATEST).describe('Epoch seconds.').optional(),
  created_before: wholeNumber(0, LATEST).describe('Epoch seconds.').optional(),
  status: keysOf(RUN_STATUSES)
    .describe(
      'Only runs with one of these, in any case of letters. `PENDING` is `RUNNING`; no run is `PAUSED` or `REGENERATED`.',
    )
    .optional(),
  ...RUN_PAGE,
});
export type SessionRunsQuery = z.output<typeof sessionRunsQuery>;

/** The query of a run of a component. */
export const runQuery = z.object({
  session_id: text().min(1).describe('The session that the runs belong to.'),
  ...DATABASE,
});

export const runsQuery = runQuery.extend({
  status: inAnyCase(keyOf(RUN_STATUSES))
    .describe(
      'Only runs with this status, in any case of letters. `PENDING` is `RUNNING`; no run is `PAUSED` or `REGENERATED`.',
    )
    .optional(),
  ...RUN_PAGE,
});

export const cancelQuery = z.object({
  session_id: id().describe('The session that the run belongs to.').optional(),
  ...DATABASE,
});

export const listedRunsQuery = z.object({
  state: choice(['running', 'settled']).describe('Only runs in this state.').optional(),
  component: text().describe('Only runs of the component with this id.').optional(),
  outcome: choice(RUN_OUTCOMES).describe('Only runs that have settled with this outcome.').optional(),
  page: wholeNumber(1, 1_000_000).describe('The first page is 1.').default(1),
  limit: wholeNumber(1, MAX_EXECUTIONS).describe('Runs on a page.').default(100),
  ...DATABASE,
});
export type ListedRunsQuery = z.output<typeof listedRunsQuery>;

export const executionsQuery = z.object({
  run_id: text().describe('Only executions for this run.').optional(),
  hook: text().describe('Only executions of the hook with this name.').optional(),
  state: choice(HOOK_EXECUTION_STATES).describe('Only executions in this state.').optional(),
  limit: wholeNumber(1, MAX_EXECUTIONS).describe('At most this many executions.').default(100),
  ...DATABASE,
});

export const hookRetry = named(
  'HookRetry',
  'The failed executions to run once more.',
  z.object({
    hook: text().min(1).describe('The name of the hook.'),
    from: time().describe('Only executions that have failed then or later. ISO 8601.').optional(),
    to: time().describe('Only executions that have failed before. ISO 8601.').optional(),
    limit: z
      .int()
      .min(1)
      .max(MAX_EXECUTIONS)
      .describe('At most so many executions: those that have failed first.')
      .default(MAX_EXECUTIONS),
  }),
);

export const evaluationsQuery = z.object({
  ...componentIdsOf('evaluations'),
  model_id: id().describe('Only evaluations of answers that this model gave.').optional(),
  ...KIND,
  eval_types: id().describe('Types, separated by commas; there is only `agent_as_judge`.').optional(),
  ...SORTED_PAGE,
  ...DATABASE,
});
export type EvaluationsQuery = z.output<typeof evaluationsQuery>;

export const tracesQuery = z.object({
  run_id: id().describe('Only the trace of this root run.').optional(),
  session_id: id().describe('Only traces of this session.').optional(),
  ...USER,
  ...componentIdsOf('traces'),
  status: inAnyCase(choice(['OK', 'ERROR']))
    .describe('Only traces with this status.')
    .optional(),
  start_time: time().describe('Only traces that began then or later. ISO 8601.').optional(),
  end_time: time().describe('Only traces that ended then or before. ISO 8601.').optional(),
  ...PAGE,
  ...DATABASE,
});
/** The fields of a query that select traces. */
export type TracesQuery = Partial<z.output<typeof tracesQuery>>;

export const traceQuery = z.object({
  span_id: id().describe('Only this span, without those inside it.').optional(),
  ...DATABASE,
});

export const traceSessionsQuery = z.object({
  ...USER,
  ...componentIdsOf('traces'),
  start_time: time().describe('Only traces that began then or later. ISO 8601.').optional(),
  end_time: time().describe('Only traces that began then or before. ISO 8601.').optional(),
  ...PAGE,
  ...DATABASE,
});
export type TraceSessionsQuery = z.output<typeof traceSessionsQuery>;

export const traceSearch = named(
  'TraceSearch',
  'The wanted traces.',
  z.object({
    filter: jsonObject()
      .describe(
        'Such as `{ "op": "EQ", "key": "status", "value": "OK" }`, with the fields and operators of ' +
          '`GET /traces/filter-schema`; `IN` has `values`, `AND` and `OR` have `conditions`, `NOT` has a `condition`. ' +
          'Default: all traces.',
      )
      .optional(),
    group_by: choice(['run', 'session'])
      .describe('Whole traces, or sessions with the numbers of their traces.')
      .default('run'),
    page: wholeNumber(1, 1_000_000_000).describe('The first page is 1.').default(1),
    limit: wholeNumber(1, 100).describe('Entries on a page.').default(20),
  }),
);

export const metricsQuery = z.object({
  starting_date: day().describe('The first day, such as 2026-01-31.').optional(),
  ending_date: day().describe('The last day.').optional(),
  ...USER,
  ...DATABASE,
});
export type MetricsQuery = Partial<z.output<typeof metricsQuery>>;

export const metricsRefreshQuery = z.object({
  background: flag()
    .describe('The answer is 202, and `GET /metrics` has the metrics. Default: `false`.')
    .default(false),
  ...USER,
  ...DATABASE,
});

const SESSION_CONTENT = {
  session_name: id().optional(),
  session_state: keptObject().describe('Ignored unless the server accepts context from clients.').optional(),
  metadata: keptObject().optional(),
};

const NAME = id().min(1).describe('The new name.');

export const newSession = named(
  'NewSession',
  'A new session.',
  z.object({
    ...SESSION_CONTENT,
    session_id: id().describe('Default: a new id.').optional(),
    ...USER,
    ...COMPONENT_IDS,
  }),
);

export const sessionUpdate = named(
  'SessionUpdate',
  'The fields to change; the others stay.',
  z.object({ ...SESSION_CONTENT, summary: keptObject().optional() }),
);

export const sessionName = named('SessionName', 'The new name.', z.object({ session_name: NAME }));

export const sessionDeletion = named(
  'SessionDeletion',
  'The sessions to delete: as many ids as types.',
  z.object({ session_ids: texts(), session_types: choices(COMPONENT_KINDS) }),
);

export const newEvaluation = named(
  'NewEvalRun',
  'What to run, and how to judge its answer.',
  z.object({
    agent_id: id().describe('The agent to run; or `team_id`.').optional(),
    team_id: id().describe('The team to run.').optional(),
    eval_type: choice(['accuracy', 'agent_as_judge', 'performance', 'reliability']).describe(
      'Only `agent_as_judge` is run: 501 otherwise.',
    ),
    input: text().min(1).describe('The question.'),
    name: id().describe('The name of the evaluation. Default: that of the judge.').optional(),
    criteria: text().describe('What a good answer is. Required.').optional(),
    scoring_strategy: choice(['numeric', 'binary'])
      .describe('A score, or passed and not passed.')
      .default('binary'),
    threshold: z.int().min(1).max(10).describe('The lowest score that passes.').default(7),
    additional_guidelines: text().describe('Details for the judge to heed.').optional(),
    additional_context: text().describe('As `additional_guidelines`.').optional(),
  }),
);
export type NewEvaluation = z.output<typeof newEvaluation>;

export const evaluationName = named('EvalRunName', 'The new name.', z.object({ name: NAME }));

export const evaluationDeletion = named(
  'EvalRunDeletion',
  'The evaluations to delete.',
  z.object({ eval_run_ids: texts() }),
);

/** A field that holds JSON as text in a form. Documentation pages fill in the example when a route is tried out. */
const jsonText = <T extends z.ZodType>(field: T, description: string) =>
  field.meta({ type: 'string', description, example: '', additionalProperties: undefined }).optional();

const object = (description: string) => jsonText(jsonObject(), `A JSON object as text. ${description}`);

const media = (description: string) =>
  jsonText(
    jsonObjects(),
    `${description} A JSON array as text, of objects with \`content\` (base64; of a text also the text itself) or ` +
      '`url` (refused unless the server accepts context from clients), and with `id`, `mime_type`, `format`, `filename`.',
  );

/** The fields of a run request that describe files. */
export const mediaLists = z.object({
  images: media('Images.'),
  audio: media('Sounds.'),
  videos: media('Videos.'),
  input_files: media('Files of any supported type.'),
});

/** The other fields of a run request. */
export const runFields = z.object({
  message: text()
    .meta({
      description: 'The question. It must be there and not blank unless files come with it.',
      example: 'Hello',
    })
    .optional(),
  stream: flag().describe('Server-sent events, which is the default; `false`: JSON.').default(true),
  background: flag().describe('The run goes on when its client has left. Default: `false`.').default(false),
  stream_events: flag()
    .describe('Whether the stream has all events (the default), or only the essential ones.')
    .default(true),
  session_id: id()
    .meta({ description: 'The session to continue; empty or missing starts a new one.', example: '' })
    .optional(),
  user_id: id()
    .meta({ description: 'The user, unless the server identifies the user.', example: '' })
    .optional(),
  ...VERSION,
  metadata: object('Is stored with the run.'),
  dependencies: object('For hooks and engine; ignored unless the server accepts context from clients.'),
  session_state: jsonText(
    keptObject(),
    'A JSON object as text. Merged into the state of the session; ignored unless the server accepts context from clients.',
  ),
  files: uploads().meta({ description: 'Images, sounds, videos, documents.', example: [] }).optional(),
  files_metadata: jsonText(
    fewObjects(),
    'A JSON array as text: an object for each of the `files`, by their position; `{}` says nothing. Hooks and engines ' +
      'get it as `metadata` of the file, and it is stored with the run.',
  ),
});

/** A run request. Other fields are ignored. */
export const runRequest = named(
  'RunRequest',
  'A run request.',
  z.object({ ...runFields.shape, ...mediaLists.shape }),
);

/** A file in a list of a run request. */
export const mediaDescription = z.object({
  id: id().optional(),
  content: text().optional(),
  url: text().optional(),
  mime_type: id().optional(),
  format: id().optional(),
  filename: text().optional(),
  name: text().optional(),
  filepath: text().optional(),
});
export type MediaDescription = z.output<typeof mediaDescription>;

export const continuation = named(
  'Continuation',
  'How to go on with a run.',
  z.object({
    session_id: id().min(1).describe('The session of the run.'),
    stream: flag().optional(),
    user_id: text().optional(),
  }),
);

export const resumption = named(
  'Resumption',
  'The part of a stream that is wanted.',
  z.object({
    last_event_index: wholeNumber(-1)
      .describe(
        'Index of the last event that the client has; -1 if it has none. Default: that in the header `Last-Event-ID`, else -1.',
      )
      .optional(),
    session_id: id()
      .meta({ description: 'The session of the run, if the run is not remembered any more.', example: '' })
      .optional(),
  }),
);

/** The page of a list that a client wants. */
export interface PageRange {
  /** The first page is 1. */
  readonly page: number;
  readonly limit: number;
  readonly offset: number;
}

/** The page of a list in the order that a client wants. */
export interface SortedPageRange extends PageRange {
  readonly sortBy: 'createdAt' | 'updatedAt' | 'name';
  readonly sortOrder: 'asc' | 'desc';
}

/** The page that the query of a list asks for. */
export function rangeOf({ page: asked, limit }: Pick<PageRange, 'page' | 'limit'>): PageRange {
  const page = Math.max(1, asked);
  return { page, limit, offset: (page - 1) * limit };
}

/** The page that the query of a sorted list asks for. */
export function sortedRangeOf(query: z.output<z.ZodObject<typeof SORTED_PAGE>>): SortedPageRange {
  return { ...rangeOf(query), sortBy: SORT_FIELDS[query.sort_by], sortOrder: query.sort_order };
}
