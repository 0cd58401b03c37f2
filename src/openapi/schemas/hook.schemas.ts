import { HOOK_EXECUTION_STATES } from '../../execution/hook-execution.js';
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
  RunsInFlight: object('Runs that have not ended, the oldest first.', {
    required: {
      data: listOf(ref('RunInFlight')),
      meta: object('How many there are.', { required: { limit: integer(), total: integer() } }),
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
