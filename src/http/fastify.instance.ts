import type { HttpAdapterHost } from '@nestjs/core';

/**
 * Fastify itself; undefined with another adapter, and where there is no HTTP: Nest has none in an application context or
 * a microservice, and says so with null.
 */
export function fastifyOf<T extends object>({ httpAdapter }: HttpAdapterHost): T | undefined {
  const adapter = httpAdapter as HttpAdapterHost['httpAdapter'] | null | undefined;
  return adapter?.getType() === 'fastify' ? adapter.getInstance<T>() : undefined;
}
