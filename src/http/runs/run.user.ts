import type { RunForm } from '../forms/run-form.js';
import type { SessionAccess } from '../sessions/session.access.js';

/**
 * The run of the user of a request. The user that the host identifies overrides the client's claim.
 *
 * @throws NotFoundException if the session belongs to another user
 */
export async function withUser(form: RunForm, request: object, access: SessionAccess): Promise<RunForm> {
  const { userId: claimed, ...options } = form.options;
  const userId = await access.userOf(request, claimed);
  if (options.sessionId !== undefined) await access.refuseForeign(request, options.sessionId);
  const owned = access.isHostAsked ? { owner: userId ?? null } : {};
  return { ...form, ...owned, options: userId === undefined ? options : { ...options, userId } };
}
