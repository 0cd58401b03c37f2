import { BadRequestException } from '@nestjs/common';

import { readEventId, type EventPlace } from '../../protocol/event.ids.js';
import type { BodyRequest } from '../forms/request.body.js';

/**
 * The last event that a client has received, as it says in the header `Last-Event-ID`; undefined if it says nothing.
 *
 * @throws BadRequestException if the header has no id of an event
 */
export function lastEventOf({ headers }: BodyRequest): EventPlace | undefined {
  const id = headers?.['last-event-id'];
  if (id === undefined || id === '') return undefined;
  const place = typeof id === 'string' ? readEventId(id) : undefined;
  if (!place) throw new BadRequestException('Last-Event-ID is not the id of an event of a run.');
  return place;
}
