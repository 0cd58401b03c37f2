import { NotFoundException } from '@nestjs/common';

import { printable } from '../errors/log.text.js';

/** What a client reads that asks for a session that does not exist, or is another's. */
export function sessionNotFound(id: string): NotFoundException {
  return new NotFoundException(`Session with id '${printable(id)}' not found`);
}
