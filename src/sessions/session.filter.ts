import type { RunStatus } from '../model/run-output.js';
import type {
  SessionFilter,
  SessionOwner,
  StoredRun,
  StoredRunFilter,
  StoredSession,
} from './session.store.js';
import { storableText } from './storable.text.js';

/** Shown in place of an input that is not stored because a hook has refused the run or a guardrail has withdrawn it. */
export const WITHHELD_INPUT = '[message withheld]';

/** Whether the input of a settled run must not be stored. */
export function isInputWithheld({ input: { content, files = [] }, output, isWithdrawn }: StoredRun): boolean {
  if (content !== '' || files.length > 0) return false;
  return isWithdrawn === true || output.status === 'ERROR' || output.status === 'CANCELLED';
}

/** The displayed name of a session: its own name, else its first input. */
export function nameOf({
  name,
  firstInput,
  isInputWithheld: isWithheld = false,
}: Pick<StoredSession, 'name' | 'firstInput' | 'isInputWithheld'>): string {
  return name ?? firstInput ?? (isWithheld ? WITHHELD_INPUT : '');
}

/** Data that belongs to a user, or has no owner. */
interface OfUser {
  readonly userId?: string | undefined;
}

/** Whether the data belongs to this owner; always true if `owner` is undefined. */
export function isOf({ userId }: OfUser, owner: SessionOwner | undefined): boolean {
  return owner === undefined || (userId ?? null) === owner;
}

/** Whether a session matches the filter. */
export function matchesSession(session: StoredSession, filter: SessionFilter): boolean {
  const { kind, componentId, userId, name = '' } = filter;
  return (
    (kind === undefined || session.kind === kind) &&
    (componentId === undefined || session.component?.id === componentId) &&
    isOf(session, userId) &&
    nameOf(session).toLowerCase().includes(storableText(name).toLowerCase())
  );
}

/** The fields of a run that a filter compares. */
export interface FilteredRun {
  readonly runId: string;
  readonly componentId: string;
  readonly status: RunStatus;
  readonly isWithdrawn: boolean;
  /** In epoch seconds. */
  readonly createdAt: number;
}

/** Those fields of this run. */
export function filteredRunOf({ runId, component, output, isWithdrawn = false }: StoredRun): FilteredRun {
  return {
    runId,
    componentId: component.id,
    status: output.status,
    isWithdrawn,
    createdAt: output.createdAt,
  };
}

/** Whether a run matches the filter. */
export function matchesRun(run: FilteredRun, filter: StoredRunFilter): boolean {
  const { runId, componentId, statuses, isWithdrawn, createdAfter = 0, createdBefore = Infinity } = filter;
  return (
    (runId === undefined || run.runId === runId) &&
    (componentId === undefined || run.componentId === componentId) &&
    (statuses === undefined || statuses.includes(run.status)) &&
    (isWithdrawn === undefined || run.isWithdrawn === isWithdrawn) &&
    run.createdAt >= createdAfter &&
    run.createdAt <= createdBefore
  );
}

/** The filter's sort order. It is total (no two sessions compare as equal), so that pages do not overlap. */
export function orderOf({
  sortBy = 'createdAt',
  sortOrder = 'desc',
}: SessionFilter): (left: StoredSession, right: StoredSession) => number {
  const direction = sortOrder === 'asc' ? 1 : -1;
  const keyOf = (session: StoredSession): string | number =>
    sortBy === 'name' ? nameOf(session) : session[sortBy];
  return (left, right) => direction * (compare(keyOf(left), keyOf(right)) || compare(left.id, right.id));
}

function compare(left: string | number, right: string | number): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
