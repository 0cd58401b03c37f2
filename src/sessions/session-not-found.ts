import { NotFoundException } from '@nestjs/common';

/**
 * The error for clients that request a session which does not exist or belongs to another user. It contains the id
 * unescaped: JSON escapes it for the client, and the log escapes the reasons of failures.
 */
export function sessionNotFound(id: string): NotFoundException {
  return new NotFoundException(`Session with id '${id}' not found`);
}
