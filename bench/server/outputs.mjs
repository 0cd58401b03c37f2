import { randomUUID } from 'node:crypto';

const SENTENCE =
  'Open the account page, choose "Security", then "Reset password", and follow the link we send. ';

/** Prose of the given length, a string of its own each time. */
export function prose(length) {
  return Buffer.from(SENTENCE.repeat(Math.ceil(length / SENTENCE.length)).slice(0, length)).toString();
}

/**
 * The answer with which a run's JSON has about the given size: it holds the answer twice, as content and as the
 * assistant's message.
 */
export function answerFor(size) {
  const envelope = JSON.stringify(responseBody('', 'How do I reset my password?')).length;
  return prose(Math.max(0, Math.floor((size - envelope) / 2)));
}

/** What the run route of AgentOS answers for an agent: the subjects without AgentOS send the same. */
export function responseBody(content, message) {
  const createdAt = Math.floor(Date.now() / 1_000);
  const flags = { from_history: false, stop_after_tool_call: false };
  return {
    run_id: randomUUID(),
    agent_id: 'bench',
    agent_name: 'bench',
    session_id: randomUUID(),
    content,
    content_type: 'str',
    session_state: {},
    created_at: createdAt,
    status: 'COMPLETED',
    metrics: { time_to_first_token: 0.0010310569999999188, duration: 0.0012407799999999724 },
    messages: [
      { content: message, ...flags, role: 'user', created_at: createdAt },
      { content, ...flags, role: 'assistant', created_at: createdAt },
    ],
    tools: [],
    input: { input_content: message },
  };
}
