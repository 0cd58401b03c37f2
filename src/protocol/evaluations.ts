import { z } from 'zod';

import type { Evaluation } from '../sessions/eval.store.js';
import { pageOf } from './pages.js';
import { beginningOf } from './text.limits.js';
import { isoTime, jsonObject, named, toIsoSeconds } from './schema.js';

/** The only type of evaluation here. */
export const EVAL_TYPE = 'agent_as_judge';

const Judgement = z
  .object({
    input: z.string(),
    output: z.string(),
    criteria: z.string(),
    score: z.number().nullable(),
    reason: z.string(),
    passed: z.boolean(),
  })
  .describe('The judgement of one answer.');

/** An evaluation of a run. */
export const WireEvaluation = named(
  'EvalRun',
  'An evaluation of a run by a judge.',
  z.object({
    id: z.string(),
    agent_id: z.string().nullable(),
    team_id: z.string().nullable(),
    workflow_id: z.string().nullable(),
    model_id: z.string().nullable().describe('The model that gave the answer.'),
    model_provider: z.string().nullable(),
    name: z.string(),
    evaluated_component_name: z.string(),
    eval_type: z.enum([EVAL_TYPE]),
    eval_data: z
      .object({
        run_id: z.string(),
        results: z.array(Judgement),
        avg_score: z.number().nullable(),
        min_score: z.number().nullable(),
        max_score: z.number().nullable(),
        std_dev_score: z.number().nullable(),
        pass_rate: z.number().describe('100 or 0.'),
      })
      .describe('The judgement, with the statistics of the protocol over one answer.'),
    eval_input: z
      .object({
        criteria: z.string(),
        scoring_strategy: z.enum(['numeric', 'binary']),
        threshold: z.number().nullable(),
        additional_guidelines: jsonObject().nullable().describe('Always null.'),
        run_id: z.string().describe('The run that was judged.'),
        session_id: z.string(),
      })
      .describe('The task of the judge.'),
    created_at: isoTime(),
    updated_at: isoTime(),
    truncated: z.boolean().optional().describe('The page is full, so the texts are cut. Only in lists.'),
  }),
);

/** An evaluation of a run. */
export type WireEvaluation = z.infer<typeof WireEvaluation>;

export const WireEvaluationPage = pageOf('EvalRunPage', 'A page of evaluations.', WireEvaluation);

/** An evaluation of the protocol; unknown fields are null. */
export function toWireEvaluation(evaluation: Evaluation): WireEvaluation {
  const { id, component, model, input, output, criteria, reason, passed } = evaluation;
  const { kind } = component;
  const score = evaluation.score ?? null;
  return {
    id,
    agent_id: kind === 'agent' ? component.id : null,
    team_id: kind === 'team' ? component.id : null,
    workflow_id: kind === 'workflow' ? component.id : null,
    model_id: model?.id ?? null,
    model_provider: model?.provider ?? null,
    name: evaluation.name,
    evaluated_component_name: component.name,
    eval_type: EVAL_TYPE,
    eval_data: {
      run_id: id,
      results: [{ input, output, criteria, score, reason, passed }],
      avg_score: score,
      min_score: score,
      max_score: score,
      std_dev_score: score === null ? null : 0,
      pass_rate: passed ? 100 : 0,
    },
    eval_input: {
      criteria,
      scoring_strategy: evaluation.scoring,
      threshold: evaluation.threshold ?? null,
      additional_guidelines: null,
      run_id: evaluation.runId,
      session_id: evaluation.sessionId,
    },
    created_at: toIsoSeconds(evaluation.createdAt),
    updated_at: toIsoSeconds(evaluation.updatedAt ?? evaluation.createdAt),
  };
}

/** Maximum characters of each text of a shortened evaluation. */
const SHORT = 280;

/** An evaluation in a list that has no room for all of it. */
export function shortenEvaluation(evaluation: Evaluation): WireEvaluation {
  return toWireEvaluation({
    ...evaluation,
    input: cut(evaluation.input),
    output: cut(evaluation.output),
    criteria: cut(evaluation.criteria),
    reason: cut(evaluation.reason),
  });
}

function cut(text: string): string {
  return text.length > SHORT ? `${beginningOf(text, SHORT)}…` : text;
}
