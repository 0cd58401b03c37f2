import type { WireObject } from './wire-format.js';
import { withoutUndefined } from './wire-format.js';

/** A frame of an event stream, without the fields that every event of its run has. */
export interface FrameBody {
  readonly name: string;
  readonly fields: WireObject;
}

/** Exactly `event: <Name>`, `data: <one line of JSON>`, blank line: readers of the protocol accept nothing else. */
export function toFrame(name: string, fields: WireObject): string {
  const { created_at, ...others } = fields;
  return `event: ${name}\ndata: ${JSON.stringify(withoutUndefined({ created_at, event: name, ...others }))}\n\n`;
}
