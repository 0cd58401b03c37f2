import type { Evaluation } from '../../sessions/eval.store.js';
import type { WireObject } from './wire-format.js';
import { toIsoSeconds } from './wire-time.js';

/** The only type of evaluation here. */
export const EVAL_TYPE = 'agent_as_judge';

/** An evaluation of the protocol; unknown fields are null. */
export function toWireEvaluation(evaluation: Evaluation): WireObject {
  const { component, model } = evaluation;
  const { kind } = component;
  return {
    id: evaluation.id,
    agent_id: kind === 'agent' ? component.id : null,
    model_id: model?.id ?? null,
    model_provider: model?.provider ?? null,
    team_id: kind === 'team' ? component.id : null,
    workflow_id: kind === 'workflow' ? component.id : null,
    name: evaluation.name,
    evaluated_component_name: component.name,
    eval_type: EVAL_TYPE,
    eval_data: dataOf(evaluation),
    eval_input: inputOf(evaluation),
    created_at: toIsoSeconds(evaluation.createdAt),
    updated_at: toIsoSeconds(evaluation.updatedAt ?? evaluation.createdAt),
  };
}

/** Maximum characters of each text of a shortened evaluation. */
const SHORT = 280;
const HALF_CHARACTER = /[\ud800-\udbff]$/;

/** An evaluation in a list that has no room for all of it. */
export function shortenEvaluation(evaluation: Evaluation): WireObject {
  const { input, output, criteria, reason } = evaluation;
  const texts = { input, output, criteria, reason };
  const short = Object.entries(texts).map(([name, text]): [string, string] => [name, cut(text)]);
  return toWireEvaluation({ ...evaluation, ...Object.fromEntries(short) });
}

function cut(text: string): string {
  return text.length > SHORT ? `${text.slice(0, SHORT).replace(HALF_CHARACTER, '')}…` : text;
}

/** The protocol has statistics over many judgements; here each evaluation is of one answer. */
function dataOf({ id, input, output, criteria, reason, passed, ...evaluation }: Evaluation): WireObject {
  const score = evaluation.score ?? null;
  return {
    run_id: id,
    results: [{ input, output, criteria, score, reason, passed }],
    avg_score: score,
    min_score: score,
    max_score: score,
    std_dev_score: score === null ? null : 0,
    pass_rate: passed ? 100 : 0,
  };
}

function inputOf({ criteria, scoring, threshold, runId, sessionId }: Evaluation): WireObject {
  return {
    criteria,
    scoring_strategy: scoring,
    threshold: threshold ?? null,
    additional_guidelines: null,
    run_id: runId,
    session_id: sessionId,
  };
}
