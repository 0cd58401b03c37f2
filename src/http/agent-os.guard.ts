import { timingSafeEqual, createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

import {
  ForbiddenException,
  Inject,
  Injectable,
  Scope,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
  type OnModuleInit,
  type Type,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { isObservable, lastValueFrom } from 'rxjs';

import type { AgentOsExtras, ResolvedAgentOsOptions } from '../agent-os.options.js';
import { EXTRAS, RESOLVED_OPTIONS } from '../agent-os.tokens.js';
import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import { checkOrigin } from './request.origin.js';

/** Lets a request pass if its origin is allowed, it has the security key, and the host's own guards accept it. */
@Injectable()
export class AgentOsGuard implements CanActivate, OnModuleInit {
  #guards: readonly CanActivate[] = [];

  constructor(
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedAgentOsOptions,
    @Inject(EXTRAS) private readonly extras: AgentOsExtras,
    private readonly moduleRef: ModuleRef,
  ) {}

  onModuleInit(): void {
    const { http } = this.extras;
    const guards: readonly unknown[] = http ? (http.guards ?? []) : [];
    this.#guards = guards.map((guard, index) => this.#resolve(guard, `http.guards[${index}]`));
  }

  canActivate(context: ExecutionContext): Promise<boolean> | boolean {
    const { securityKey } = this.options.http;
    checkOrigin(headersOf(context), this.options.http);
    if (securityKey !== undefined) checkKey(securityKey, authorizationOf(context));
    return this.#guards.length === 0 || this.#askGuards(context);
  }

  async #askGuards(context: ExecutionContext): Promise<boolean> {
    for (const guard of this.#guards) {
      const answer = guard.canActivate(context);
      const isAllowed = await (isObservable(answer) ? lastValueFrom(answer) : answer);
      if (!isAllowed) throw new ForbiddenException('Forbidden');
    }
    return true;
  }

  /** Looks up a guard of the host: a module of the host provides it, where our `@UseGuards` would not find it. */
  #resolve(guard: unknown, place: string): CanActivate {
    if (typeof guard !== 'function') {
      if (isGuard(guard)) return guard;
      const got = guard === undefined ? 'undefined (look for a circular import)' : typeof guard;
      throw new AgentOsConfigurationError(
        `${place}: expected a guard, or the class of one, got ${got}. A guard has a method "canActivate".`,
      );
    }
    this.#refuseShortLived(guard as Type<CanActivate>, place);
    const instance = this.#instanceOf(guard as Type<CanActivate>, place);
    if (isGuard(instance)) return instance;
    throw new AgentOsConfigurationError(
      `${place}: ${guard.name} is not a guard: it has no method "canActivate".`,
    );
  }

  #instanceOf(guard: Type<CanActivate>, place: string): unknown {
    try {
      return this.moduleRef.get<unknown>(guard, { strict: false });
    } catch (cause) {
      throw new AgentOsConfigurationError(
        `${place}: no module provides ${guard.name}. Add it to the providers of a module, or pass an instance.`,
        { cause },
      );
    }
  }

  /** Throws for request-scoped and transient guards: one instance serves all requests. */
  #refuseShortLived(guard: Type<CanActivate>, place: string): void {
    let scope: Scope | undefined;
    try {
      ({ scope } = this.moduleRef.introspect(guard));
    } catch {
      // Not provided: the next look-up throws an error for it.
      return;
    }
    if (scope === Scope.DEFAULT) return;
    const kind = scope === Scope.REQUEST ? 'request-scoped' : 'transient';
    throw new AgentOsConfigurationError(
      `${place}: ${guard.name} is ${kind} (or depends on such a provider), but there is one guard for all requests. ` +
        'Make it a singleton, and read what you need from the ExecutionContext.',
    );
  }
}

function isGuard(value: unknown): value is CanActivate {
  return typeof (value as Partial<CanActivate> | null | undefined)?.canActivate === 'function';
}

function headersOf(context: ExecutionContext): IncomingHttpHeaders {
  return context.switchToHttp().getRequest<{ headers: IncomingHttpHeaders }>().headers;
}

function authorizationOf(context: ExecutionContext): string | undefined {
  const header: unknown = headersOf(context).authorization;
  // Node keeps the first of several headers, unless the host's server or adapter is configured to keep all.
  return Array.isArray(header) ? header.join(', ') : (header as string | undefined);
}

/** Checks `Authorization: Bearer <key>`; the bare key passes too, since existing clients of the protocol send it. */
function checkKey(expected: string, authorization: string | undefined): void {
  if (authorization === undefined || authorization === '') {
    throw new UnauthorizedException('Authorization header required');
  }
  const given = authorization.replace(/^bearer +/i, '').trim();
  // Clients send non-ASCII characters as Latin-1 or as UTF-8; Node decodes both as Latin-1.
  const spellings = [expected, Buffer.from(expected).toString('latin1')];
  if (!spellings.some((spelling) => isSame(given, spelling))) {
    throw new UnauthorizedException('Invalid authentication token');
  }
}

/** Compares in constant time; hashing makes the lengths equal. */
function isSame(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
