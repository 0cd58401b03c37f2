import type { Schema, Schemas } from '../open-api.types.js';
import {
  flag,
  integer,
  listOf,
  object,
  record,
  ref,
  shortText,
  text,
  type Fields,
} from '../schema.builders.js';

/**
 * A field that may be empty. Pages that let people try a route out begin with the example, and would otherwise begin
 * with one that is no value for such a field.
 */
const empty = (schema: Schema, example: unknown = ''): Schema => ({ ...schema, example });

const TEXTS: Fields = {
  required: {
    message: {
      ...text('What the component is asked; blank only if files come with it.'),
      minLength: 1,
      example: 'Hello',
    },
  },
  optional: {
    stream: { ...flag('Server-sent events; `false`: JSON.'), default: true },
    background: { ...flag('The run goes on when its client has left.'), default: false },
    stream_events: {
      ...flag('Whether the stream has all events, or only what the answer is made of.'),
      default: true,
    },
    session_id: empty(shortText('The conversation to continue; empty or missing starts a new one.')),
    user_id: empty(shortText('Who asks, unless the server knows it.')),
  },
};

/** What is JSON by nature, by field. */
const OBJECTS: Readonly<Record<string, string>> = {
  metadata: 'Is stored with the run.',
  dependencies: 'For hooks and engine; ignored unless the server accepts context from clients.',
  session_state:
    'Merged into the state of the session; ignored unless the server accepts context from clients.',
};
const LISTS: Readonly<Record<string, string>> = {
  images: 'Images.',
  audio: 'Sounds.',
  videos: 'Videos.',
  input_files: 'Files of any supported type.',
};

const JSON_TEXTS: Fields = {
  optional: {
    ...fieldsOf(OBJECTS, (description) => empty(text(`A JSON object as text. ${description}`))),
    ...fieldsOf(LISTS, (description) =>
      empty(text(`A JSON array as text, of objects like \`AgentOsMediaInput\`. ${description}`)),
    ),
  },
};

const JSON_VALUES: Fields = {
  optional: {
    ...fieldsOf(OBJECTS, (description) =>
      empty(orItsText(record(), `An object, or its text. ${description}`), {}),
    ),
    ...fieldsOf(LISTS, (description) =>
      empty(orItsText(listOf(ref('MediaInput')), `An array, or its text. ${description}`), []),
    ),
  },
};

const FILES: Fields = {
  optional: {
    files: empty(listOf({ type: 'string', format: 'binary' }, 'Images, sounds, videos, documents.'), []),
  },
};

const RESUMPTION: Fields = {
  optional: {
    last_event_index: {
      ...integer('Of the last event that the client has; -1 if it has none.'),
      minimum: -1,
    },
    session_id: empty(shortText('Where the run is stored, if it is not remembered any more.')),
  },
};

/** What clients send to run components. Other fields are ignored. */
export const formSchemas: Schemas = {
  RunUpload: object('A run request with files.', TEXTS, JSON_TEXTS, FILES),
  RunForm: object('A run request.', TEXTS, JSON_TEXTS),
  RunRequest: object('A run request.', TEXTS, JSON_VALUES),
  MediaInput: object('A file that is not uploaded: its content, or where it is.', {
    optional: {
      id: shortText('Default: a new one.'),
      content: text('Base64; of a text the text itself.'),
      url: text('Refused unless the server accepts context from clients.'),
      mime_type: shortText('Such as `image/png`.'),
      format: shortText('Such as `png`.'),
      filename: text(),
      name: text('The same as `filename`.'),
    },
  }),
  Continuation: object('How to go on with a run.', {
    required: { session_id: { ...shortText('Where the run is stored.'), minLength: 1 } },
    optional: { stream: flag(), user_id: text() },
  }),
  Resumption: object('From where on a stream is wanted.', RESUMPTION),
};

function fieldsOf(
  descriptions: Readonly<Record<string, string>>,
  toSchema: (description: string) => Schema,
): Schemas {
  return Object.fromEntries(
    Object.entries(descriptions).map(([name, description]) => [name, toSchema(description)]),
  );
}

function orItsText(schema: Schema, description: string): Schema {
  return { description, anyOf: [schema, { type: 'string' }] };
}
