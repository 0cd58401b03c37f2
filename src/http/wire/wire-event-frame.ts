import { withoutUndefined } from '../../data/without-undefined.js';
import type { WireObject } from './wire-format.js';

/** An event of the protocol, without the common fields of all events of its run. */
export interface EventBody {
  readonly name: string;
  readonly fields: WireObject;
}

/** An event as readers of the protocol receive it. */
export type WireEvent = WireObject & { readonly event: string };

/** An event with its time first and its name second, as in the protocol. */
export function toWireEvent(name: string, { created_at, ...fields }: WireObject): WireEvent {
  return withoutUndefined({ created_at, event: name, ...fields }) as WireEvent;
}

/** Exactly `event: <Name>`, `data: <one line of JSON>`, blank line: readers of the protocol accept nothing else. */
export function toFrame(event: WireEvent): string {
  return `event: ${event.event}\ndata: ${toLine(JSON.stringify(event))}\n\n`;
}

/**
 * A frame about the stream itself, such as `subscribed`. Its JSON has a space after each colon and comma; it must be
 * a flat object.
 */
export function toMetaFrame(event: WireEvent): string {
  const members = Object.entries(event).map(
    ([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`,
  );
  return `event: ${event.event}\ndata: ${toLine(`{${members.join(', ')}}`)}\n\n`;
}

/** JSON may contain them unescaped, but readers in Python take them for the end of the line. */
const UNICODE_LINE_BREAKS = /[\u0085\u2028\u2029]/g;

function toLine(json: string): string {
  return json.replace(UNICODE_LINE_BREAKS, escapeUnicode);
}

function escapeUnicode(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
