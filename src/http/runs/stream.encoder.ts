import type { RunEvent } from '../../model/run-event.js';
import type { EventPlace } from '../../protocol/event.ids.js';
import type { RunHandle } from '../../runs/run.view.js';
import type { StreamRoute } from './run.recording.js';

/**
 * Writes the events of one run in the form that the clients of a route read. An encoder may keep what it has written so far,
 * so each run needs one of its own.
 */
export interface StreamEncoder<E> {
  readonly route: StreamRoute;
  /** Whether clients may read the stream once more after the run has ended. */
  readonly isKept: boolean;
  /** Headers of the answer, besides those of all streams. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * The parts of the stream for the next event of the run.
   *
   * @param run - undefined while it is being started
   */
  take(event: RunEvent, run: RunHandle | undefined): readonly E[];
  /**
   * The last parts of the stream.
   *
   * @param isBroken - the latest events could not be written, or the run could not be started
   */
  end(isBroken: boolean): readonly E[];
  /** @param place - undefined if the run could not be started */
  toFrame(sent: E, place: EventPlace<number> | undefined): string;
}
