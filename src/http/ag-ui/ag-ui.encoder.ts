import type { RunEvent } from '../../model/run-event.js';
import { AgUiEvents, type AgUiRequest, type AgUiSurroundings } from '../../protocol/ag-ui.events.js';
import { toAgUiFrame, type AgUiEvent } from '../../protocol/ag-ui.js';
import type { EventPlace } from '../../protocol/event.ids.js';
import type { RunHandle } from '../../runs/run.view.js';
import type { StreamEncoder } from '../runs/stream.encoder.js';

/** Writes a run as the events of AG-UI. */
export class AgUiEncoder implements StreamEncoder<AgUiEvent> {
  readonly route = 'ag-ui';
  readonly isKept = true;
  readonly #events: AgUiEvents;

  constructor(request: AgUiRequest) {
    this.#events = new AgUiEvents(request);
  }

  take(event: RunEvent, run: RunHandle | undefined): readonly AgUiEvent[] {
    return this.#events.take(event, run && surroundingsOf(run));
  }

  end(isBroken: boolean): readonly AgUiEvent[] {
    return isBroken ? this.#events.breakOff() : [];
  }

  toFrame(event: AgUiEvent, place: EventPlace<number> | undefined): string {
    return toAgUiFrame(event, place);
  }
}

function surroundingsOf({ context, backgroundHooks }: RunHandle): AgUiSurroundings {
  return { sessionState: context.sessionState, backgroundHooks };
}
