import { Injectable } from '@nestjs/common';

import { rawResponseOf } from '../../runs/background/response.lifecycle.js';
import type { StoredRun } from '../../sessions/session.store.js';
import type { EventPlace } from '../../protocol/event.ids.js';
import { toWireEvents } from '../../protocol/events.js';
import { toFrame, toMetaFrame, type WireStreamEvent } from '../../protocol/streams.js';
import { ProtocolResponder } from '../protocol.responder.js';
import { copyFrames } from './background-run.responder.js';
import { EventStreamOpener } from './event-stream.opener.js';
import type { EventStream } from './event.stream.js';
import { eventsOf } from './past-events.js';
import type { RunRecording } from './run.recording.js';

/** Answers clients that have lost the stream of a run. Each answer begins with a frame that announces the rest. */
@Injectable()
export class ResumeResponder {
  constructor(
    private readonly streams: EventStreamOpener,
    private readonly responder: ProtocolResponder,
  ) {}

  /**
   * Answers with the events that the client has missed, then with the new ones.
   *
   * @param lastEventIndex - the last event that the client has received; -1 if none
   */
  async fromRecording(recording: RunRecording, lastEventIndex: number, response: object): Promise<void> {
    const stream = this.streams.open(response);
    const from = lastEventIndex + 1;
    if (recording.endedAt === undefined) await catchUp(recording, from, stream);
    else await replay(recording, from, stream);
    stream.end();
  }

  /** Answers with the events that a session stores of a run: all but pieces of content. */
  async fromStore({ runId, ...run }: StoredRun, lastEventIndex: number, response: object): Promise<void> {
    const stream = this.streams.open(response);
    const events = eventsOf({ runId, ...run }).flatMap(toWireEvents);
    const meta: WireStreamEvent = {
      event: 'replay',
      run_id: runId,
      status: run.output.status,
      total_events: events.length,
      total_buffered: 0,
      last_event_index_requested: lastEventIndex,
      message: 'The run has ended. Its events come from its session, without pieces of content.',
    };
    await stream.write(toMetaFrame(meta));
    for (const [index, event] of events.entries())
      await stream.write(toFrame({ ...event, event_index: index }, endPlace(runId, index, events)));
    stream.end();
  }

  /**
   * Answers with the events after one, and with nothing before them: the client knows only how event streams work. If
   * there are no more, the answer is 204, so that the client does not come back.
   */
  async after({ index }: EventPlace, recording: RunRecording, response: object): Promise<void> {
    const isOver = recording.endedAt !== undefined && (index === 'end' || index + 1 >= recording.total);
    if (isOver) return this.responder.replyNothing(response);
    const stream = this.streams.open(response);
    const from = index === 'end' ? recording.total : index + 1;
    // Readers of the run routes skip events that were dropped.
    await copyFrames(recording, from, stream, recording.run.route === 'runs' ? undefined : cut(response));
    stream.end();
  }

  /**
   * Answers with the events of a run in flight from the first one on. If events are dropped before the client has read them, it
   * loses the connection: a stream with a gap would look like a complete one.
   *
   * @param headers - of the route's streams, besides those of all streams
   */
  async fromStart(
    recording: RunRecording,
    response: object,
    headers?: Readonly<Record<string, string>>,
  ): Promise<void> {
    const stream = this.streams.open(response, headers);
    await copyFrames(recording, 0, stream, cut(response));
    stream.end();
  }

  /** As {@link after}, with the events that a session stores, which are numbered no more: all of them, or nothing. */
  async afterStored({ index }: EventPlace, { runId, ...run }: StoredRun, response: object): Promise<void> {
    if (index === 'end') return this.responder.replyNothing(response);
    const stream = this.streams.open(response);
    const events = eventsOf({ runId, ...run }).flatMap(toWireEvents);
    for (const [position, event] of events.entries())
      await stream.write(toFrame(event, endPlace(runId, position, events)));
    stream.end();
  }

  /** Answers that the run does not exist. */
  async unknown(runId: string, response: object): Promise<void> {
    const stream = this.streams.open(response);
    const error = `Run ${runId} not found in buffer or database`;
    await stream.write(toMetaFrame({ event: 'error', error }));
    stream.end();
  }
}

/** Closes the connection in the middle of the answer. */
function cut(response: object): () => void {
  return () => rawResponseOf(response)?.destroy();
}

/** The id of the last event, so that a client that has it is not sent all events once more. */
function endPlace(runId: string, index: number, { length }: readonly unknown[]): EventPlace | undefined {
  return index === length - 1 ? { runId, index: 'end' } : undefined;
}

async function catchUp(recording: RunRecording, from: number, stream: EventStream): Promise<void> {
  const { run_id, status } = { run_id: recording.run.runId, status: 'running' } as const;
  const { total } = recording;
  if (total > from) {
    const message = `Catching up on ${total - from} events.`;
    const counts = { missed_events: total - from, current_event_count: total };
    await stream.write(toMetaFrame({ event: 'catch_up', run_id, status, ...counts, message }));
    for (const frame of recording.frames(from, total)) await stream.write(frame);
  }
  const message = 'Subscribed to the run. Receiving live events.';
  await stream.write(
    toMetaFrame({ event: 'subscribed', run_id, status, current_event_count: total, message }),
  );
  await copyFrames(recording, total, stream);
}

async function replay(recording: RunRecording, from: number, stream: EventStream): Promise<void> {
  const meta: WireStreamEvent = {
    event: 'replay',
    run_id: recording.run.runId,
    status: recording.status,
    total_events: recording.total,
    total_buffered: recording.buffered,
    last_event_index_requested: from - 1,
    message: 'The run has ended. Replaying its events.',
  };
  await stream.write(toMetaFrame(meta));
  await copyFrames(recording, from, stream);
}
