import { toError } from '../data/to-error.js';
import { withoutCredentials } from '../data/without-credentials.js';

/** Characters of an id or a name that a log line or a message shows: ids of sessions have at most 255. */
const MAX_QUOTED = 300;

/** Characters of a reason. */
const MAX_REASON = 1_000;

/** Characters of a stack: Node.js keeps ten frames, programs that need more keep a hundred. */
const MAX_STACK = 50_000;

/**
 * An id or a name from a client, for a log line or a message: in quotation marks, on one line, without control
 * characters, and bounded, so that it cannot imitate text of the library.
 */
export function quoted(text: string): string {
  return escaped(JSON.stringify(shortened(text, MAX_QUOTED)));
}

/**
 * The reason for a failure, on one line and bounded: the error's message. An error that wraps a database statement is
 * replaced by its cause, since its message holds all parameters. An error without a message is described by its code,
 * or by the errors that it aggregates, as failed connections do. Credentials of URLs are left out.
 */
export function reasonOf(thrown: unknown): string {
  return escaped(shortened(withoutCredentials(longReason(toError(thrown))), MAX_REASON));
}

/**
 * A thrown value for the log: the reason, and the stack frames, which do not repeat the reason.
 */
export function forLog(thrown: unknown): { readonly reason: string; readonly stack: string | undefined } {
  const error = toError(thrown);
  return { reason: reasonOf(error), stack: framesOf(causeOf(error)) };
}

/** Drizzle's errors hold the statement and its parameters; the actual error is their cause. */
function causeOf(error: Error): Error {
  return 'query' in error && 'params' in error && error.cause !== undefined ? toError(error.cause) : error;
}

function longReason(thrown: Error): string {
  const error = causeOf(thrown);
  if (error.message !== '') return error.message;
  if (error instanceof AggregateError && error.errors.length > 0)
    return error.errors.map((item) => toError(item).message).join('; ');
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'string' ? code : error.name;
}

/**
 * The last lines of a stack. Above them stands the current or an earlier message, of which lines may look like frames.
 */
function framesOf({
  stack,
  message,
}: {
  readonly stack?: unknown;
  readonly message: string;
}): string | undefined {
  if (typeof stack !== 'string') return undefined;
  const start = stack.indexOf(message);
  const below = message !== '' && start >= 0 ? stack.slice(start + message.length) : stack;
  const lines = below.trimEnd().slice(-MAX_STACK).split('\n');
  const frames = lines.slice(lines.findLastIndex((line) => !/^\s+at /.test(line)) + 1);
  return frames.length === 0 ? undefined : frames.map(escaped).join('\n');
}

function shortened(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}

/** Control characters, line separators, bidirectional controls, lone surrogates, and the byte order mark. */
const UNPRINTABLE = /[\p{Control}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Surrogate}\uFEFF]/gu;

function escaped(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    const code = character.charCodeAt(0);
    return code === 0x0a ? '\\n' : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}
