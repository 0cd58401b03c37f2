import type { Schemas } from '../open-api.types.js';
import {
  flag,
  listOf,
  nullable,
  number,
  object,
  oneOfTexts,
  record,
  text,
  time,
  type Fields,
} from '../schema.builders.js';

const WHOSE: Fields = {
  required: {
    agent_id: nullable(text()),
    team_id: nullable(text()),
    workflow_id: nullable(text()),
    evaluated_component_name: text(),
    model_id: nullable(text('The model that gave the answer.')),
    model_provider: nullable(text()),
  },
};

export const evalRunSchemas: Schemas = {
  EvalRun: object('What a judge has said of a run.', WHOSE, {
    required: {
      id: text(),
      name: text(),
      eval_type: oneOfTexts(['agent_as_judge']),
      eval_data: object('The judgement.', {
        required: {
          run_id: text(),
          results: listOf(judgement()),
          avg_score: nullable(number()),
          min_score: nullable(number()),
          max_score: nullable(number()),
          std_dev_score: nullable(number()),
          pass_rate: number('100 or 0.'),
        },
      }),
      eval_input: object('What the judge was asked.', {
        required: {
          criteria: text(),
          scoring_strategy: oneOfTexts(['numeric', 'binary']),
          threshold: nullable(number()),
          additional_guidelines: nullable(record('Always null.')),
          run_id: text('The run that was judged.'),
          session_id: text(),
        },
      }),
      created_at: time(),
      updated_at: time(),
    },
    optional: { truncated: flag('Its texts are cut, since the page is full; only in lists.') },
  }),
};

function judgement(): Schemas[string] {
  return object('A judgement of one answer.', {
    required: {
      input: text(),
      output: text(),
      criteria: text(),
      score: nullable(number()),
      reason: text(),
      passed: flag(),
    },
  });
}
