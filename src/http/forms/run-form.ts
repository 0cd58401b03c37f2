import { withoutUndefined } from '../../data/without-undefined.js';
import { isBlank } from '../../model/blank.js';
import type { PlainRecord } from '../../model/run-context.js';
import type { RunFile, RunInput } from '../../model/run-input.js';
import type { RunOptions } from '../../model/runnable-component.js';
import { MISSING, RequestProblems } from '../../protocol/read.js';
import { CLIENT_CONTEXT, runFields } from '../../protocol/requests.js';
import type { SessionOwner } from '../../sessions/session.store.js';
import type { Form } from './form.js';
import { readMedia, type MediaOptions } from './media.fields.js';

/** The fields of a run request. */
export interface RunForm {
  readonly input: RunInput;
  readonly stream: boolean;
  /** Whether the run is a background run. */
  readonly background: boolean;
  /** Whether the stream has all events, not just the essential ones. */
  readonly streamEvents: boolean;
  readonly options: RunOptions;
  /** The owner that the session of the run must have, if the host identifies the user. */
  readonly owner?: SessionOwner;
}

/** The options for the fields that clients may send. */
export interface RunFormOptions extends MediaOptions {
  /** Whether clients may send `dependencies`, `session_state` and the URLs of files. */
  readonly acceptClientContext?: boolean;
}

/**
 * Reads the fields of a run request. Fields that the protocol does not know are ignored: none of them reaches hooks
 * or the engine.
 *
 * @throws UnprocessableEntityException with one error for each field that is wrong
 * @throws PayloadTooLargeException if there are too many files or one is too large
 */
export function parseRunForm({ fields, files: uploads }: Form, options: RunFormOptions): RunForm {
  const problems = new RequestProblems();
  const ignored = options.acceptClientContext ? [] : CLIENT_CONTEXT;
  const form = problems.read(runFields, fields, ['body'], ignored);
  const described = withMetadata(uploads, form?.files_metadata);
  const files = [...described, ...readMedia(fields, uploads.length, options, problems)];
  if (files.length === 0) refuseBlank(fields.get('message'), problems);
  problems.finish();
  if (!form) throw problems.toException();
  const content = form.message ?? '';
  return {
    input: files.length === 0 ? { content } : { content, files },
    stream: form.stream,
    background: form.background,
    streamEvents: form.stream_events,
    options: withoutUndefined({
      sessionId: form.session_id,
      userId: form.user_id,
      metadata: form.metadata,
      dependencies: form.dependencies,
      sessionState: form.session_state,
    }),
  };
}

/** The uploads with the metadata of the field `files_metadata`, by their position. */
function withMetadata(uploads: readonly RunFile[], given: readonly PlainRecord[] = []): readonly RunFile[] {
  return uploads.map((file, index) => {
    const metadata = given[index];
    return metadata && Object.keys(metadata).length > 0 ? { ...file, metadata } : file;
  });
}

/** Refuses a message that is missing or blank. A message that is no text has another error. */
function refuseBlank(given: unknown, problems: RequestProblems): void {
  const message = given ?? '';
  if (typeof message !== 'string' || !isBlank(message)) return;
  const input = given ?? null;
  const problem = message === '' ? MISSING : { type: 'value_error', msg: 'Input should not be blank' };
  problems.add({ ...problem, loc: ['body', 'message'], input });
}
