import { NotFoundException } from '@nestjs/common';

/**
 * What a client reads that asks for a session that does not exist, or is another's. It names the id as it was sent:
 * JSON escapes it for the client, and the log escapes the reasons of failures.
 */
export function sessionNotFound(id: string): NotFoundException {
  return new NotFoundException(`Session with id '${id}' not found`);
}
