import type { SessionOwner } from './session.store.js';

/**
 * Whether a value can be the id of a user: a text that is not empty and that every store can tell from all others.
 * Databases take no zero bytes, and write every unpaired surrogate as the same replacement character.
 */
export function isUserId(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && !value.includes('\0') && value.isWellFormed();
}

/**
 * Refuses what is no id of a user, before a store writes it: values such as promises and objects all become the same
 * text, so that their users would share what they own.
 *
 * @throws TypeError that says what was given
 */
export function checkUserId(userId: SessionOwner | undefined): void {
  if (userId === undefined || userId === null || isUserId(userId)) return;
  throw new TypeError(`The id of a user must be a text that is not empty, got ${describeUserId(userId)}.`);
}

/** A value that is no id of a user, for a message; the value itself may be anything, and private. */
export function describeUserId(value: unknown): string {
  if (value === null) return 'null';
  if (value === '') return 'an empty text';
  if (typeof value === 'string') return 'a text with a zero byte or an unpaired surrogate';
  if (Array.isArray(value)) return 'an array';
  if (typeof value !== 'object') return `a value of type ${typeof value}`;
  const { constructor } = value as { readonly constructor?: { readonly name?: unknown } };
  return typeof constructor?.name === 'string' ? `an object (${constructor.name})` : 'an object';
}
