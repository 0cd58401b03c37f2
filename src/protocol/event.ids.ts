/**
 * The ids of the events in the stream of a run: the id of the run, a colon, and the index of the event. A client that has
 * lost the stream sends the last one as `Last-Event-ID`, and needs to know nothing else.
 */

/** The place in a stream that an id names. */
export interface EventPlace<I extends number | 'end' = number | 'end'> {
  readonly runId: string;
  /** The index of the event; `end` for the last event of a run whose other events are not numbered any more. */
  readonly index: I;
}

const EVENT_ID = /^(.{1,255}):(\d{1,9}|end)$/;

/** The id of an event. */
export function toEventId({ runId, index }: EventPlace): string {
  return `${runId}:${index}`;
}

/** The place that an id names; undefined if it is no id of an event. */
export function readEventId(id: string): EventPlace | undefined {
  const [, runId, index] = EVENT_ID.exec(id) ?? [];
  if (runId === undefined || index === undefined) return undefined;
  return { runId, index: index === 'end' ? index : Number(index) };
}
