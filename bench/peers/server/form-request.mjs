import { HEADERS } from '../../request.mjs';

const MESSAGE = 'How+do+I+reset+my+password%3F';

/** A request of the run routes that AgentOS and agno have. */
export function formRequest(url, { stream = false } = {}) {
  return { url, headers: HEADERS, body: `message=${MESSAGE}&stream=${stream}` };
}
