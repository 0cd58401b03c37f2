import { RequestMethod, VERSION_NEUTRAL } from '@nestjs/common';

/** A route as the started application has it: with global prefix, module path and version in its path. */
export interface DeclaredRoute {
  readonly method: RequestMethod;
  readonly path: string;
  /** The path as the router compares it, with and without each optional part; the first form has all of them. */
  readonly forms: readonly [string, ...string[]];
  /** Whether its own path, apart from prefix and version, is a catch-all for requests that have no other route. */
  readonly isCatchAll: boolean;
  /** Undefined if the version is in the path, or the application has no versions. */
  readonly versions: readonly unknown[] | undefined;
  /** Undefined for all hosts. */
  readonly hosts: readonly unknown[] | undefined;
  /** Class and method, such as `PagesController.show`. */
  readonly handler: string;
  readonly isOurs: boolean;
}

/** The share of one route's requests that another route takes as well. */
export type Share = 'none' | 'some' | 'all';

type Segment =
  | { readonly kind: 'literal'; readonly value: string }
  | { readonly kind: 'mixed' | 'parameter' | 'wildcard' };

const RANKS = { literal: 0, mixed: 1, parameter: 2, wildcard: 3 } as const;

/** The share of the second route's requests that the first one would answer if it came before it. */
export function shareTaken(first: DeclaredRoute, second: DeclaredRoute): Share {
  const methods = methodShare(first.method, second.method);
  // The paths of most pairs need no comparison: every route is compared with every other at the start.
  if (methods === 'none') return 'none';
  return least([
    methods,
    formShare(first.forms.map(segmentsOf), second.forms.map(segmentsOf)),
    listShare(meaningful(first.versions), meaningful(second.versions)),
    listShare(first.hosts, second.hosts),
  ]);
}

/** Whether two paths are the same but for the names of their parameters. */
export function haveSameShape(first: DeclaredRoute, second: DeclaredRoute): boolean {
  return shapeOf(first.forms[0]) === shapeOf(second.forms[0]);
}

/** Negative if a router that prefers the most specific route tries the first route before the second one. */
export function compareSpecificity(first: DeclaredRoute, second: DeclaredRoute): number {
  const others = segmentsOf(second.forms[0]);
  for (const [index, segment] of segmentsOf(first.forms[0]).entries()) {
    const difference = RANKS[segment.kind] - RANKS[others[index]?.kind ?? 'wildcard'];
    if (difference !== 0) return difference;
  }
  return 0;
}

/** All forms of a path with optional parts in braces, as Express has them; the first form has all of the parts. */
export function formsOf(path: string): [string, ...string[]] {
  const [, before = '', part = '', after = ''] = /^(.*)\{([^{}]*)\}(.*)$/s.exec(path) ?? [];
  if (!path.includes('{') || before + part + after === '') return [path];
  const [full, ...others] = formsOf(before + part + after);
  return [full, ...others, ...formsOf(before + after)];
}

function least(shares: readonly Share[]): Share {
  if (shares.includes('none')) return 'none';
  return shares.includes('some') ? 'some' : 'all';
}

function methodShare(first: RequestMethod, second: RequestMethod): Share {
  if (first === second || first === RequestMethod.ALL) return 'all';
  return second === RequestMethod.ALL ? 'some' : 'none';
}

function formShare(first: readonly Segment[][], second: readonly Segment[][]): Share {
  const shares = second.map((form) => greatest(first.map((other) => pathShare(other, form))));
  if (shares.every((share) => share === 'none')) return 'none';
  return shares.every((share) => share === 'all') ? 'all' : 'some';
}

function greatest(shares: readonly Share[]): Share {
  if (shares.includes('all')) return 'all';
  return shares.includes('some') ? 'some' : 'none';
}

function pathShare(first: readonly Segment[], second: readonly Segment[]): Share {
  let share: Share = 'all';
  for (const [index, segment] of first.entries()) {
    const other = second[index];
    if (!other) return 'none';
    if (segment.kind === 'wildcard') return share;
    if (other.kind === 'wildcard') return 'some';
    // The matches of a segment that mixes text and parameters are unknown here: no report is better than a wrong
    // one.
    if (segment.kind === 'mixed' || other.kind === 'mixed') return 'none';
    if (segment.kind === 'literal' && other.kind === 'parameter') share = 'some';
    if (segment.kind === 'literal' && other.kind === 'literal' && segment.value !== other.value)
      return 'none';
  }
  return second.length > first.length ? 'none' : share;
}

function listShare(first: readonly unknown[] | undefined, second: readonly unknown[] | undefined): Share {
  if (!first) return 'all';
  if (!second) return 'some';
  const shared = second.filter((value) => first.includes(value));
  if (shared.length === second.length) return 'all';
  return shared.length > 0 ? 'some' : 'none';
}

/** Undefined for a route that serves every version. */
function meaningful(versions: readonly unknown[] | undefined): readonly unknown[] | undefined {
  return versions?.includes(VERSION_NEUTRAL) ? undefined : versions;
}

function segmentsOf(path: string): Segment[] {
  return path
    .split('/')
    .filter((part) => part !== '')
    .map((part, index, { length }) => toSegment(part, index === length - 1));
}

function toSegment(part: string, isLast: boolean): Segment {
  if (/^\{?\*[^/]*$/.test(part)) return { kind: isLast ? 'wildcard' : 'mixed' };
  if (/^:\w+$/.test(part)) return { kind: 'parameter' };
  return /[:*{(]/.test(part) ? { kind: 'mixed' } : { kind: 'literal', value: part };
}

function shapeOf(path: string): string {
  return segmentsOf(path)
    .map((segment) => (segment.kind === 'literal' ? segment.value : `:${segment.kind}`))
    .join('/');
}
