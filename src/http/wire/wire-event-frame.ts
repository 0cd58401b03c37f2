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
  const json = JSON.stringify(withoutUndefined({ created_at, event: name, ...others }));
  return `event: ${name}\ndata: ${json.replace(UNICODE_LINE_BREAKS, escapeUnicode)}\n\n`;
}

/** JSON may hold them as they are, but readers in Python take them for the end of the line. */
const UNICODE_LINE_BREAKS = /[\u0085\u2028\u2029]/g;

function escapeUnicode(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
