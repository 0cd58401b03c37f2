import type { FileLimits } from '../../http/forms/file.limits.js';
import { SCHEMA_PREFIX } from '../../protocol/schema.js';
import type { Schema, Schemas } from '../open-api.types.js';
import { flag, integer, listOf, object, shortText, text, type Fields } from '../schema.builders.js';
import type { SchemaMap } from '../schema.map.js';

/**
 * A field that may be empty. Documentation pages fill in the example when a route is tried out; without this one
 * they would fill in a value that the field does not accept.
 */
const empty = (schema: Schema, example: unknown = ''): Schema => ({ ...schema, example });

const MEDIA =
  'A JSON array as text, of objects with `content` (base64; of a text the text itself) or `url` (refused unless the ' +
  'server accepts context from clients), and `id`, `mime_type`, `format`, `filename` besides.';

/** Client generators treat a field with a `default` as required, so the descriptions name the defaults. */
const TEXTS: Fields = {
  optional: {
    message: {
      ...text('What the component is asked. It must be there and not blank unless files come with it.'),
      example: 'Hello',
    },
    stream: flag('Server-sent events, which is the default; `false`: JSON.'),
    background: flag('The run goes on when its client has left. Default: `false`.'),
    stream_events: flag(
      'Whether the stream has all events (the default), or only what the answer is made of.',
    ),
    session_id: empty(shortText('The conversation to continue; empty or missing starts a new one.')),
    user_id: empty(shortText('Who asks, unless the server knows it.')),
  },
};

/** The fields that are JSON objects. */
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

/** The fields that a form holds as JSON text. */
const JSON_TEXTS: Fields = {
  optional: {
    ...fieldsOf(OBJECTS, (description) => empty(text(`A JSON object as text. ${description}`))),
    ...fieldsOf(LISTS, (description) => empty(text(`${description} ${MEDIA}`))),
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

/** The forms of run requests. Other fields are ignored. */
export const formSchemas: Schemas = {
  RunRequest: object('A run request.', TEXTS, JSON_TEXTS, FILES),
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

/**
 * Writes the limits of number and size of files into the schemas of a document.
 *
 * @param schemas - a copy of our schemas, by their names in a document
 */
export function limitFiles(schemas: SchemaMap, { maxFiles, maxFileSize }: FileLimits): void {
  const request = schemas[`${SCHEMA_PREFIX}RunRequest`];
  const files = request && 'properties' in request ? request.properties?.['files'] : undefined;
  if (!files || '$ref' in files) return;
  files.maxItems = maxFiles;
  files.description = `${files.description} At most ${maxFiles}, those of the other fields included, of at most ${maxFileSize} bytes each.`;
}
