import type { Component } from '../../components/component.js';
import { nowInSeconds } from '../../model/clock.js';
import type { RunEvent } from '../../model/run-event.js';
import type { EventPlace } from '../../protocol/event.ids.js';
import { brokenStreamEvent, type WireEvent } from '../../protocol/events.js';
import { toFrame } from '../../protocol/streams.js';
import { toReadEvents } from './essential.events.js';
import type { StreamEncoder } from './stream.encoder.js';

/** The events of a run that a client of the run routes reads, and their form. */
export interface ReadEvents {
  /** All events, or only the essential ones. */
  readonly isAllWanted: boolean;
  /** Whether the events name their index, as those of background runs do. */
  readonly isIndexed: boolean;
}

/** Writes events as the clients of the run routes read them. */
export class RunEventEncoder implements StreamEncoder<WireEvent> {
  readonly route = 'runs';
  readonly isKept = true;
  readonly #component: Component;
  readonly #read: ReadEvents;

  constructor(component: Component, read: ReadEvents) {
    this.#component = component;
    this.#read = read;
  }

  take(event: RunEvent): readonly WireEvent[] {
    return toReadEvents(event, this.#component, this.#read.isAllWanted);
  }

  end(isBroken: boolean): readonly WireEvent[] {
    return isBroken ? [brokenStreamEvent(this.#component.kind, nowInSeconds())] : [];
  }

  toFrame(event: WireEvent, place: EventPlace<number> | undefined): string {
    return toFrame(this.#read.isIndexed && place ? { ...event, event_index: place.index } : event, place);
  }
}
