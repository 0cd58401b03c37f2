import { z } from 'zod';

import { toJsonValue } from '../data/to-json-value.js';
import type { RunErrorFields } from '../model/run-event.js';
import { named } from './schema.js';

/** The error of a run, in its events. */
export const ErrorFields = z.object({
  error_type: z.string().describe('The kind of error, such as `input_check_error`.'),
  error_id: z.string().optional().describe('The check that failed, such as `prompt_injection`.'),
  additional_data: z.unknown().optional().describe('More data of the check.'),
});

export function toErrorFields({
  errorType,
  errorId,
  additionalData,
}: Omit<RunErrorFields, 'content'>): z.infer<typeof ErrorFields> {
  return { error_type: errorType, error_id: errorId, additional_data: toJsonValue(additionalData) };
}

/** The fields that are added to the output of a run that did not complete. */
export const FailureFields = ErrorFields.extend({
  detail: z.string().describe('A message for people. Never a stack or an internal message.'),
});
type WireFailure = z.infer<typeof FailureFields>;

export function toWireFailure({ content, ...error }: RunErrorFields): WireFailure {
  return { detail: content, ...toErrorFields(error) };
}

/** An error that has only a message. */
export const WireError = named(
  'HttpError',
  'An error.',
  z.object({ detail: z.string().describe('A message for people.') }),
);
export type WireError = z.infer<typeof WireError>;

/** More errors help no client: a small request must not cause an answer that is many times as large. */
export const MAX_PROBLEMS = 100;

/** Characters of a value that are sent back to the client. */
export const MAX_ECHO = 1_000;

const WireFieldProblem = named(
  'FieldProblem',
  'A problem with one field.',
  z.object({
    type: z.string().describe('The kind of problem, such as `missing`.'),
    loc: z
      .array(z.union([z.string(), z.int()]))
      .describe('The place of the field: `body` or `query`, its name, then the place inside of it.'),
    msg: z.string().describe('A message for people.'),
    input: z
      .unknown()
      .describe(
        `The value that was sent, cut after ${MAX_ECHO.toLocaleString('en')} characters; null if there was none, and for a large or deep object.`,
      ),
  }),
);
export type WireFieldProblem = z.infer<typeof WireFieldProblem>;

/** The error of a request with wrong fields. */
export const WireValidationError = named(
  'ValidationError',
  'Fields of the request are wrong or missing.',
  z.object({
    detail: z.array(WireFieldProblem).describe(`One entry for each problem, up to ${MAX_PROBLEMS}.`),
  }),
);
export type WireValidationError = z.infer<typeof WireValidationError>;
