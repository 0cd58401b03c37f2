import type { HttpAdapterHost } from '@nestjs/core';

/**
 * Fastify itself; undefined with another adapter, and where there is no HTTP: Nest has none in an application context or
 * a microservice, and says so with null.
 */
export function fastifyOf<T extends object>({ httpAdapter }: HttpAdapterHost): T | undefined {
  const adapter = httpAdapter as HttpAdapterHost['httpAdapter'] | null | undefined;
  return adapter?.getType() === 'fastify' ? adapter.getInstance<T>() : undefined;
}

/** The little of Fastify that is needed here. */
interface ListeningFastify {
  addHook(name: 'onListen', hook: (done: () => void) => void): unknown;
}

/**
 * Calls back with each server that Fastify listens with besides its main one. For `localhost`, which it listens on unless
 * it is told otherwise, that is one for `::1` beside one for `127.0.0.1`.
 */
export function onFurtherServers(host: HttpAdapterHost, callback: (server: unknown) => void): void {
  const fastify = fastifyOf<ListeningFastify>(host);
  fastify?.addHook('onListen', (done) => {
    for (const server of furtherServersOf(fastify)) callback(server);
    done();
  });
}

/** Fastify has no public name for them. */
function furtherServersOf(fastify: object): readonly unknown[] {
  const key = Object.getOwnPropertySymbols(fastify).find(
    ({ description }) => description === 'fastify.serverBindings',
  );
  const servers = key && (fastify as Readonly<Record<symbol, unknown>>)[key];
  return Array.isArray(servers) ? servers : [];
}
