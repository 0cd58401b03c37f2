import type { ComponentIdentity } from '../model/component-identity.js';
import type { PlainRecord } from '../model/run-context.js';
import { withoutUndefined } from '../data/without-undefined.js';
import { withChanges } from './session.changes.js';
import type {
  NewSession,
  SessionInit,
  SessionUpdate,
  SessionUsage,
  StoredRun,
  StoredSession,
} from './session.store.js';
import { isInputWithheld } from './session.filter.js';
import { storableText } from './storable.text.js';
import { addUsage } from './session.usage.js';
import { checkUserId } from './user-id.js';
import { now } from '../model/clock.js';

/** Shared by most sessions, of which a store keeps many. */
const NOTHING: PlainRecord = Object.freeze({});
const NO_USAGE: readonly SessionUsage[] = Object.freeze([]);

/** A session without runs. */
export function newSession({ id, userId, component, kind = 'agent' }: NewSession): StoredSession {
  checkUserId(userId);
  const createdAt = now();
  return {
    id,
    kind: component?.kind ?? kind,
    ...withoutUndefined({ userId, component: component && whose(component) }),
    state: NOTHING,
    metadata: NOTHING,
    usage: NO_USAGE,
    createdAt,
    updatedAt: createdAt,
  };
}

/** The session with changes made to it. */
export function withUpdate(
  session: StoredSession,
  { name, state, metadata, summary }: SessionUpdate,
): StoredSession {
  return {
    ...session,
    ...withoutUndefined({ name: name === undefined ? name : storableText(name), summary }),
    state: withChanges(session.state, state),
    metadata: withChanges(session.metadata, metadata),
    updatedAt: now(),
  };
}

/** Adds a run. The session's owner, component and first input stay as they were first known. */
export function withRun(session: StoredSession, init: SessionInit, run: StoredRun): StoredSession {
  const component = session.component ?? (init.component && whose(init.component));
  const firstInput =
    session.firstInput ?? (run.parentRunId === undefined ? storableText(run.input.content) : '');
  const { metrics, model } = run.output;
  const { isInputWithheld: wasWithheld = false, ...known } = session;
  const isWithheld = firstInput === '' && (wasWithheld || isInputWithheld(run));
  return {
    ...known,
    kind: component?.kind ?? session.kind,
    ...withoutUndefined({ component }),
    ...(firstInput === '' ? {} : { firstInput }),
    ...(isWithheld ? { isInputWithheld: true } : {}),
    usage: addUsage(session.usage, metrics, model),
  };
}

/** A stored run with more metadata. Its events, which may share its output, stay as they were sent. */
export function withMetadata(run: StoredRun, metadata: Readonly<PlainRecord>): StoredRun {
  const { output } = run;
  return { ...run, output: { ...output, metadata: { ...output.metadata, ...metadata } } };
}

/** The stored fields of a component; the others are read from its current definition. */
function whose(component: ComponentIdentity): ComponentIdentity {
  const { kind, id, name, description } = component;
  const stored = storableText(name);
  // Most runs pass the one identity of their component: sessions share it.
  return stored === name && description === undefined ? component : { kind, id, name: stored };
}
