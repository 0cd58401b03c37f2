import { isBlank } from '../../model/blank.js';
import type { RunInput } from '../../model/run-input.js';
import type { RunOptions } from '../../model/runnable-component.js';
import type { SessionOwner } from '../../sessions/session.store.js';
import { FieldReader, type Fields } from './field.reader.js';
import type { Form } from './form.js';
import { readMedia, type MediaOptions } from './media.fields.js';
import { keptRecord, shortText } from './request.fields.js';

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
  const reader = new FieldReader(fields);
  const content = reader.text('message') ?? '';
  const stream = reader.flag('stream', true);
  const background = reader.flag('background', false);
  const streamEvents = reader.flag('stream_events', true);
  const runOptions = readOptions(reader, options.acceptClientContext ?? false);
  refuseFilesThatAreNone(reader, fields);
  const files = [...uploads, ...readMedia(reader, uploads.length, options)];
  if (isBlank(content) && files.length === 0) reader.refuseBlank('message');
  reader.finish();
  const input = files.length === 0 ? { content } : { content, files };
  return { input, stream, background, streamEvents, options: runOptions };
}

function readOptions(reader: FieldReader, acceptClientContext: boolean): RunOptions {
  const sessionId = shortText(reader, 'session_id');
  const userId = shortText(reader, 'user_id');
  const metadata = reader.record('metadata');
  const dependencies = acceptClientContext ? reader.record('dependencies') : undefined;
  const sessionState = acceptClientContext ? keptRecord(reader, 'session_state') : undefined;
  return {
    ...(sessionId === undefined ? {} : { sessionId }),
    ...(userId === undefined ? {} : { userId }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(dependencies === undefined ? {} : { dependencies }),
    ...(sessionState === undefined ? {} : { sessionState }),
  };
}

/** Refuses files that are sent as text: they would be lost silently. */
function refuseFilesThatAreNone(reader: FieldReader, fields: Fields): void {
  const value = fields.get('files') ?? [];
  if (value === '' || (Array.isArray(value) && value.length === 0)) return;
  reader.refuse(
    'files',
    'value_error',
    'Input should be uploaded files; input_files takes their content',
    value,
  );
}
