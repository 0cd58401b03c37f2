import type { ModelIdentity } from '../model/run-output.js';
import type { Evaluation } from './eval.store.js';

/**
 * Makes names, first inputs and texts of evaluations storable: databases accept neither zero bytes nor unpaired
 * surrogates in text.
 */
export function storableText(text: string): string {
  return text.replaceAll('\0', '').toWellFormed();
}

/** The same for the identity of a model. */
export function storableModel(model: ModelIdentity): ModelIdentity {
  const { id, provider, name } = model;
  const texts = { id: storableText(id), provider: storableText(provider) };
  return name === undefined ? texts : { ...texts, name: storableText(name) };
}

/** The same for the texts of an evaluation. */
export function storableEvaluation(evaluation: Evaluation): Evaluation {
  const { component, model, name, criteria, reason, input, output } = evaluation;
  return {
    ...evaluation,
    component: { ...component, name: storableText(component.name) },
    ...(model ? { model: storableModel(model) } : {}),
    name: storableText(name),
    criteria: storableText(criteria),
    reason: storableText(reason),
    input: storableText(input),
    output: storableText(output),
  };
}

/** Zero bytes, unpaired surrogates, and the backslash that begins their escape sequences. */
const ESCAPED_IN_KEYS = /[\0\\\ud800-\udfff]/gu;

/**
 * A key of state or metadata as a text that databases accept; different keys give different texts. Only zero bytes,
 * unpaired surrogates and backslashes change, to the escape sequences of JSON: `\u0000`, `\ud800`, `\\`.
 */
export function storableKey(key: string): string {
  return key.replace(ESCAPED_IN_KEYS, (unit) =>
    unit === '\\' ? '\\\\' : `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The original key; reverses {@link storableKey}. */
export function keyOf(storedKey: string): string {
  return storedKey.replace(/\\(?:u([0-9a-f]{4})|\\)/g, (_, unit: string | undefined) =>
    unit === undefined ? '\\' : String.fromCharCode(parseInt(unit, 16)),
  );
}
