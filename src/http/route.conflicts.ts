import { RequestMethod } from '@nestjs/common';

import { compareSpecificity, haveSameShape, shareTaken, type DeclaredRoute } from './route.overlap.js';

/** How the router of an application chooses among matching routes. */
export type RouteChoice = 'declared-first' | 'most-specific';

/** A route of the host, and those of ours whose requests it takes or that take its requests. */
export interface RouteConflict {
  readonly host: DeclaredRoute;
  readonly ours: readonly DeclaredRoute[];
  /** The side whose handler is called; undefined if the application cannot start with both. */
  readonly winner?: 'ours' | 'host';
}

/**
 * Our routes that conflict with the host's on Fastify, which takes each method and path once.
 *
 * @param routes - of the application, in the order of their declaration
 */
export function findDuplicates(routes: readonly DeclaredRoute[]): RouteConflict[] {
  return conflictsOf(routes, (host, ours) => {
    if (!haveSameShape(host, ours)) return undefined;
    // Fastify ignores the hosts of controllers.
    const [first, second] = [host, ours].map((route) => ({ ...route, hosts: undefined }));
    if (!first || !second) return undefined;
    const isTwice = [shareTaken(first, second), shareTaken(second, first)].every((share) => share !== 'none');
    const areVersioned = Boolean(first.versions) === Boolean(second.versions);
    return isTwice && areVersioned ? 'host' : undefined;
  }).map(({ host, ours }) => ({ host, ours }));
}

/**
 * Routes that take requests of other routes. Excluded are conflicts that a host may well intend: a route of its own
 * for some of the requests of ours, and a catch-all page for requests without another route.
 *
 * @param routes - of the application, in the order of their declaration
 */
export function findConflicts(routes: readonly DeclaredRoute[], choice: RouteChoice): RouteConflict[] {
  const places = new Map(routes.map((route, index) => [route, index]));
  return conflictsOf(routes, (host, ours) => {
    const declared = (places.get(host) ?? 0) - (places.get(ours) ?? 0);
    const order = (choice === 'most-specific' ? compareSpecificity(host, ours) : 0) || declared;
    if (order < 0) return shareTaken(host, ours) === 'all' ? 'host' : undefined;
    return shareTaken(ours, host) !== 'none' && !host.isCatchAll ? 'ours' : undefined;
  });
}

/** One line for each route of the host. */
export function describeConflicts(conflicts: readonly RouteConflict[]): string {
  return conflicts.map((conflict) => `- ${describe(conflict)}`).join('\n');
}

function describe({ host, ours, winner }: RouteConflict): string {
  const taken = ours.map((route) => `${nameOf(route)} (${route.handler})`).join(', ');
  const own = `${host.handler} (${nameOf(host)}) of this application`;
  if (!winner) return `${taken} of AgentOS and ${own}`;
  return winner === 'ours'
    ? `AgentOS answers ${taken} in place of ${own}`
    : `${own} answers ${taken} in place of AgentOS`;
}

function nameOf({ method, path }: DeclaredRoute): string {
  return `${RequestMethod[method]} ${path}`;
}

function conflictsOf(
  routes: readonly DeclaredRoute[],
  winnerOf: (host: DeclaredRoute, ours: DeclaredRoute) => RouteConflict['winner'],
): RouteConflict[] {
  const ours = routes.filter(({ isOurs }) => isOurs);
  return routes
    .filter(({ isOurs }) => !isOurs)
    .flatMap((host) =>
      (['ours', 'host'] as const).flatMap((winner) => {
        const met = ours.filter((route) => winnerOf(host, route) === winner);
        return met.length > 0 ? [{ host, ours: met, winner }] : [];
      }),
    );
}
