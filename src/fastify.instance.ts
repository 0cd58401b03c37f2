import type { HttpAdapterHost } from '@nestjs/core';

/**
 * The Fastify instance; undefined with another adapter, and without HTTP: in an application context or a microservice
 * Nest's adapter is null.
 */
export function fastifyOf<T extends object>({ httpAdapter }: HttpAdapterHost): T | undefined {
  const adapter = httpAdapter as HttpAdapterHost['httpAdapter'] | null | undefined;
  return adapter?.getType() === 'fastify' ? adapter.getInstance<T>() : undefined;
}

/** The part of Fastify's interface that is used here. */
interface ListeningFastify {
  addHook(name: 'onListen', hook: (done: () => void) => void): unknown;
}

/**
 * Calls back with each server that Fastify listens with besides its main one. For `localhost`, its default host, it
 * has one for `::1` besides one for `127.0.0.1`.
 */
export function onFurtherServers(host: HttpAdapterHost, callback: (server: unknown) => void): void {
  const fastify = fastifyOf<ListeningFastify>(host);
  fastify?.addHook('onListen', (done) => {
    for (const server of furtherServersOf(fastify)) callback(server);
    done();
  });
}

/** Fastify has no public API for them. */
function furtherServersOf(fastify: object): readonly unknown[] {
  const key = Object.getOwnPropertySymbols(fastify).find(
    ({ description }) => description === 'fastify.serverBindings',
  );
  const servers = key && (fastify as Readonly<Record<symbol, unknown>>)[key];
  return Array.isArray(servers) ? servers : [];
}
