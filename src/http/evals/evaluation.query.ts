import type { ComponentKind } from '../../model/component.js';
import type { EvaluationCriteria } from '../../sessions/eval.store.js';
import { readPage, type PageQuery } from '../forms/page.query.js';
import { readQuery, shortText, type FieldRequest } from '../forms/request.fields.js';
import { readKind } from '../sessions/session.fields.js';
import { EVAL_TYPE } from '../../protocol/evaluations.js';

/** The filter of a list of evaluations. */
export interface EvaluationQuery {
  /** Undefined if the filter can match no evaluation. */
  readonly criteria: EvaluationCriteria | undefined;
  readonly range: PageQuery;
}

interface NamedComponent {
  readonly kind: ComponentKind;
  readonly id?: string;
}

/** Reads the query of a list of evaluations. */
export function readEvaluationQuery(request: FieldRequest): EvaluationQuery {
  return readQuery(request, (reader) => {
    const kind = readKind(reader);
    const named: NamedComponent[] = kind === undefined ? [] : [{ kind }];
    for (const owner of ['agent', 'team', 'workflow'] as const) {
      const id = shortText(reader, `${owner}_id`);
      if (id !== undefined) named.push({ kind: owner, id });
    }
    const modelId = shortText(reader, 'model_id');
    const types = shortText(reader, 'eval_types')?.split(',') ?? [EVAL_TYPE];
    const component = componentOf(named);
    const isPossible = component !== undefined && types.some((type) => type.trim() === EVAL_TYPE);
    return { criteria: isPossible ? { ...component, modelId } : undefined, range: readPage(reader) };
  });
}

/** An evaluation is of one component: a filter for two kinds matches none. */
function componentOf(named: readonly NamedComponent[]): EvaluationCriteria | undefined {
  const [first] = named;
  if (!first) return {};
  if (named.some(({ kind }) => kind !== first.kind)) return undefined;
  const id = named.find((component) => component.id !== undefined)?.id;
  return { componentKind: first.kind, componentId: id };
}
