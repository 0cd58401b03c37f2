import { HOOK_EXECUTION_STATES } from '../../execution/hook-execution.js';
import { RUN_OUTCOMES } from '../../model/run-output.js';
import type { Schemas } from '../open-api.types.js';
import { flag, integer, listOf, nullable, object, oneOfTexts, ref, text, time } from '../schema.builders.js';

const PHASE = oneOfTexts(['pre', 'post'], 'Before the run or after it.');
const MODE = oneOfTexts(['inline', 'background'], "In the caller's way or after the response.");
const POSITION = oneOfTexts(
  ['root', 'member', 'inside-hook'],
  'The run is the first of its tree, below another run, or started by a hook.',
);
const ATTACHED_BY = oneOfTexts(
  ['component', 'module'],
  "In the component's list of hooks or in the module's.",
);
const FINAL_STATES = HOOK_EXECUTION_STATES.filter((state) => state !== 'scheduled' && state !== 'running');

const RECORDED_RUN = { anyOf: [ref('RunInFlight'), ref('SettledRun')] };
const TALLY = {
  waiting: integer('Executions that have not started.'),
  running: integer('Executions that have started and not ended.'),
  failed: integer('Executions that have failed or timed out.'),
};

export const hookSchemas: Schemas = {
  ComponentIdentity: object('A component.', {
    required: { kind: oneOfTexts(['agent', 'team', 'workflow']), id: text(), name: text() },
    optional: { description: text() },
  }),
  Hook: object('A hook, and where it is attached.', {
    required: {
      hook: text(),
      source: text('Where it comes from, such as `SupportHooks.notify`.'),
      guardrail: flag(),
      attachment: nullable(
        object('Null if no component uses it.', {
          required: {
            component: ref('ComponentIdentity'),
            phase: PHASE,
            attached_by: ATTACHED_BY,
            mode: MODE,
            reason: oneOfTexts(['guardrail', 'decorator', 'switch', 'default'], 'Why it has this mode.'),
          },
        }),
      ),
    },
  }),
  RunInFlight: object('A run that has not ended: ids, names and times, never content.', {
    required: {
      run_id: text(),
      session_id: text(),
      component: ref('ComponentIdentity'),
      state: oneOfTexts(['running']),
      started_at: time(),
      shown_at: time(),
      waits_for: oneOfTexts(
        ['store', 'hook', 'engine', 'member', 'reader'],
        'Its reader takes no more events; its member is a run below it.',
      ),
    },
    optional: {
      parent_run_id: text(),
      user_id: text(),
      hook: text('The inline hook that it waits for.'),
    },
  }),
  SettledRun: object('A run that has settled: ids, names, times and tokens, never content.', {
    required: {
      run_id: text(),
      session_id: text(),
      component: ref('ComponentIdentity'),
      position: POSITION,
      state: oneOfTexts(['settled']),
      outcome: oneOfTexts(RUN_OUTCOMES),
      started_at: time(),
      settled_at: time(),
      usage: object('Tokens, as far as they are known.', {
        optional: { input_tokens: integer(), output_tokens: integer(), total_tokens: integer() },
      }),
    },
    optional: {
      parent_run_id: text(),
      user_id: text(),
      response_closed_at: time(),
      delivered: flag('Whether the response has carried the result to its last byte.'),
    },
  }),
  RecordedRuns: object('Runs, in flight and settled.', {
    required: {
      data: listOf(RECORDED_RUN),
      meta: object('How many there are.', { required: { limit: integer(), total: integer() } }),
    },
  }),
  RunTimeline: object('A run, its parts and the executions of their hooks, in the order of their start.', {
    required: { run: RECORDED_RUN, parts: listOf(RECORDED_RUN), executions: listOf(ref('HookExecution')) },
  }),
  HookStats: object('Hooks and runs in numbers: open ones and those that are remembered.', {
    required: {
      ...TALLY,
      oldest_waiting: nullable(integer('Milliseconds since the longest waiting execution was collected.')),
      hooks: listOf(
        object('The executions of one hook of a component.', {
          required: {
            hook: text(),
            phase: PHASE,
            mode: MODE,
            component: ref('ComponentIdentity'),
            ...TALLY,
            ran: integer('Those that have run to their end: succeeded, failed or timed out.'),
          },
          optional: {
            p50: integer('Milliseconds that half of them took at most.'),
            p95: integer('Milliseconds that 95 % of them took at most.'),
          },
        }),
      ),
      runs: object('Runs in flight, and those that are remembered by their outcome.', {
        required: Object.fromEntries(['running', ...RUN_OUTCOMES].map((name) => [name, integer()])),
      }),
    },
  }),
  HookExecution: object('An execution of a hook: ids, states and times, never content.', {
    required: {
      id: text(),
      hook: text(),
      phase: PHASE,
      mode: MODE,
      component: ref('ComponentIdentity'),
      position: POSITION,
      attached_by: ATTACHED_BY,
      run_id: text(),
      state: oneOfTexts(HOOK_EXECUTION_STATES),
      attempts: integer('Attempts made so far.'),
      scheduled_at: time(),
    },
    optional: {
      reason: oneOfTexts(
        ['condition', 'outcome', 'rejected', 'cancelled', 'shutdown'],
        'Why it ended as it did.',
      ),
      error_name: text('Class of the error of the last failed attempt.'),
      started_at: time(),
      ended_at: time(),
    },
  }),
  HookExecutions: object('Executions of hooks, the newest first.', {
    required: {
      data: listOf(ref('HookExecution')),
      meta: object('How many there are.', {
        required: {
          limit: integer(),
          open: integer('Executions that have not ended.'),
          counts: object('How many have ended in each state since the start.', {
            required: Object.fromEntries(FINAL_STATES.map((state) => [state, integer()])),
          }),
        },
      }),
    },
  }),
};
