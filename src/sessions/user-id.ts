import type { SessionOwner } from './session.store.js';

/**
 * Whether a value can be the id of a user: a non-empty text that every store can distinguish from all others. Databases
 * accept no zero bytes, and write every unpaired surrogate as the same replacement character.
 */
export function isUserId(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && !value.includes('\0') && value.isWellFormed();
}

/**
 * Refuses a value that is not a user id before a store writes it: promises and objects, for example, all become the
 * same text, so that their users would share their data.
 *
 * @throws TypeError that describes the value
 */
export function checkUserId(userId: SessionOwner | undefined): void {
  if (userId === undefined || userId === null || isUserId(userId)) return;
  throw new TypeError(`The id of a user must be a text that is not empty, got ${describeUserId(userId)}.`);
}

/** The user of data with this owner: the one that the host has named, else the one that the run has named. */
export function userOf(owner: SessionOwner | undefined, named: string | undefined): string | undefined {
  return owner === undefined ? named : (owner ?? undefined);
}

/** Describes an invalid user id for a message, without the value itself, which may be private. */
export function describeUserId(value: unknown): string {
  if (value === null) return 'null';
  if (value === '') return 'an empty text';
  if (typeof value === 'string') return 'a text with a zero byte or an unpaired surrogate';
  if (Array.isArray(value)) return 'an array';
  if (typeof value !== 'object') return `a value of type ${typeof value}`;
  const { constructor } = value as { readonly constructor?: { readonly name?: unknown } };
  return typeof constructor?.name === 'string' ? `an object (${constructor.name})` : 'an object';
}
