import { BadRequestException } from '@nestjs/common';

import type { ComponentKind } from '../../model/component.js';
import type { PlainRecord } from '../../model/run-context.js';
import type { FieldReader } from '../forms/field.reader.js';
import { keptRecord, readBody, readQuery, shortText, type FieldRequest } from '../forms/request.fields.js';

const KINDS = ['agent', 'team', 'workflow'] as const satisfies readonly ComponentKind[];

/** The last second that databases and dates can represent: 9999-12-31. */
export const LATEST = 253_402_300_799;

/** The fields of a query that identify a session. */
export interface SessionQuery {
  readonly kind?: ComponentKind | undefined;
  /** The user that the client claims to be. */
  readonly claimedUser?: string | undefined;
}

/** The fields of a session that a client may write; missing fields keep their values. */
export interface SessionContent {
  readonly name?: string;
  readonly state?: PlainRecord;
  readonly metadata?: PlainRecord;
}

/** The fields of a new session. */
export interface NewSessionFields {
  readonly id: string | undefined;
  readonly claimedUser: string | undefined;
  readonly component: { readonly kind: ComponentKind; readonly id: string } | undefined;
  readonly content: SessionContent;
}

/** Reads the query of a route about sessions. */
export function readSessionQuery(request: FieldRequest): SessionQuery {
  return readQuery(request, sessionFields);
}

/** Reads `type` and `user_id`. */
export function sessionFields(reader: FieldReader): SessionQuery {
  return { kind: readKind(reader), claimedUser: shortText(reader, 'user_id') };
}

/** Reads `type`: the kind of a component. */
export function readKind(reader: FieldReader): ComponentKind | undefined {
  return reader.choice('type', KINDS);
}

/**
 * Reads the body of a new session.
 *
 * @param asked - the kind in the query; without it, the first id determines the kind
 */
export function readNewSession(
  request: FieldRequest,
  asked: ComponentKind | undefined,
  acceptsState: boolean,
): NewSessionFields {
  const read = (reader: FieldReader): NewSessionFields => {
    const components = KINDS.map((kind) => ({ kind, id: shortText(reader, `${kind}_id`) }));
    return {
      id: shortText(reader, 'session_id'),
      claimedUser: shortText(reader, 'user_id'),
      component: components.filter(hasId).find(({ kind }) => asked === undefined || kind === asked),
      content: readContent(reader, acceptsState),
    };
  };
  return readBody(request, read, { isOptional: true });
}

/** Reads the body of a session update. */
export function readUpdate(
  request: FieldRequest,
  acceptsState: boolean,
): SessionContent & { readonly summary?: PlainRecord } {
  return readBody(request, (reader) => {
    const summary = keptRecord(reader, 'summary');
    return { ...readContent(reader, acceptsState), ...(summary ? { summary } : {}) };
  });
}

/**
 * Reads the ids of the sessions to delete.
 *
 * @throws UnprocessableEntityException if a list is missing or malformed
 * @throws BadRequestException if there are more ids than types, or fewer
 */
export function readDeletion(request: FieldRequest): readonly string[] {
  const { ids, types } = readBody(request, (reader) => ({
    ids: reader.texts('session_ids'),
    types: readKinds(reader),
  }));
  if (ids.length !== types.length)
    throw new BadRequestException('Session IDs and session types must have the same length');
  return ids;
}

function readContent(reader: FieldReader, acceptsState: boolean): SessionContent {
  const name = shortText(reader, 'session_name');
  const state = acceptsState ? keptRecord(reader, 'session_state') : undefined;
  const metadata = keptRecord(reader, 'metadata');
  return {
    ...(name === undefined ? {} : { name }),
    ...(state === undefined ? {} : { state }),
    ...(metadata === undefined ? {} : { metadata }),
  };
}

function readKinds(reader: FieldReader): readonly string[] {
  const types = reader.texts('session_types');
  const unknown = types.filter((type) => !KINDS.some((kind) => kind === type));
  if (unknown.length > 0)
    reader.refuse('session_types', 'enum', `Input should be one of ${KINDS.join(', ')}`, unknown);
  return types;
}

function hasId<T extends { readonly id: string | undefined }>(component: T): component is T & { id: string } {
  return component.id !== undefined;
}
