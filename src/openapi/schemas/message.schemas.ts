import type { Schemas } from '../open-api.types.js';
import {
  flag,
  integer,
  listOf,
  number,
  nullable,
  object,
  oneOfTexts,
  record,
  ref,
  text,
  type Fields,
} from '../schema.builders.js';

/** The fields that describe a file. */
const MEDIA_FIELDS: Fields = {
  required: { id: text() },
  optional: {
    url: text('Where the file is.'),
    filename: text('How the client calls it.'),
    mime_type: text('Such as `image/png`.'),
  },
};

/** Features of tool calls that this server never uses: always null. */
const UNUSED_FIELDS: Schemas = {
  requires_confirmation: nullable(flag()),
  confirmed: nullable(flag()),
  confirmation_note: nullable(text()),
  requires_user_input: nullable(flag()),
  user_input_schema: nullable(listOf(record())),
  user_feedback_schema: nullable(listOf(record())),
  answered: nullable(flag()),
  external_execution_required: nullable(flag()),
  external_execution_silent: nullable(flag()),
  approval_type: nullable(text()),
  approval_id: nullable(text()),
};

const MEDIA_LIST = listOf(ref('Media'));

export const messageSchemas: Schemas = {
  Media: object('A file that came with an input: named, not sent back.', MEDIA_FIELDS),
  RunInput: object('What a run was asked, as its inline pre-hooks have left it.', {
    required: { input_content: text('The message.') },
    optional: { images: MEDIA_LIST, videos: MEDIA_LIST, audios: MEDIA_LIST, files: MEDIA_LIST },
  }),
  Message: object('A message of a conversation.', {
    required: {
      id: text(),
      from_history: flag(),
      stop_after_tool_call: flag(),
      role: oneOfTexts(['system', 'user', 'assistant', 'tool']),
      created_at: integer('Epoch seconds.'),
    },
    optional: {
      content: text('Left out if the message only calls tools.'),
      tool_call_id: text('The call that this is the result of.'),
      tool_name: text(),
      tool_args: record(),
      tool_call_error: flag(),
      tool_calls: listOf(ref('ToolCall')),
      metrics: ref('MessageMetrics'),
    },
  }),
  ToolCall: object('A call of a tool, as providers write it.', {
    required: {
      id: text(),
      type: oneOfTexts(['function']),
      function: object('What is called.', {
        required: { name: text(), arguments: text('A JSON object as text.') },
      }),
    },
  }),
  ToolExecution: toolExecution(),
};

function toolExecution(): Schemas[string] {
  return object('A tool call with its result. Every field is there; what is unknown is null.', {
    required: {
      tool_call_id: text(),
      tool_name: text(),
      tool_args: record(),
      tool_call_error: nullable(flag('Whether the call failed; null before it has ended.')),
      result: nullable(text()),
      metrics: nullable(
        object('When it ran.', {
          required: {
            start_time: number('Epoch seconds.'),
            end_time: number('Epoch seconds.'),
            duration: number('Seconds.'),
          },
        }),
      ),
      child_run_id: nullable(text("The run that the call started: that of a team's member.")),
      stop_after_tool_call: flag(),
      created_at: nullable(integer('Epoch seconds.')),
      ...UNUSED_FIELDS,
    },
  });
}
