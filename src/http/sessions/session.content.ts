import type { z } from 'zod';

import { withoutUndefined } from '../../data/without-undefined.js';
import type { PlainRecord } from '../../model/run-context.js';
import type { sessionUpdate } from '../../protocol/requests.js';

/** The fields of a session that a client may write; missing fields keep their values. */
interface SessionContent {
  readonly name?: string;
  readonly state?: PlainRecord;
  readonly metadata?: PlainRecord;
}

/** The content of a session in the body of a request. */
export function contentOf(body: z.output<typeof sessionUpdate>): SessionContent {
  return withoutUndefined({
    name: body.session_name,
    state: body.session_state,
    metadata: body.metadata,
  });
}
