import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

/** The little of Fastify that is needed here. */
interface FastifyLike {
  hasContentTypeParser(type: string): boolean;
  addContentTypeParser(type: string, parser: (request: unknown, payload: unknown, done: Done) => void): void;
  register(plugin: (instance: FastifyLike, options: unknown, done: Done) => void): unknown;
}

type Done = (error?: Error | null, body?: unknown) => void;

const MULTIPART = 'multipart/form-data';

/**
 * Fastify refuses multipart bodies that it has no parser for. This one lets them through unread, for the route to
 * read; it is added last, and only if the host has none, so that a host's own uploads work as before.
 */
@Injectable()
export class FastifyMultipart implements OnApplicationBootstrap {
  constructor(private readonly adapterHost: HttpAdapterHost) {}

  onApplicationBootstrap(): void {
    const { httpAdapter } = this.adapterHost;
    if ((httpAdapter as unknown) === undefined || httpAdapter.getType() !== 'fastify') return;
    httpAdapter.getInstance<FastifyLike>().register(passMultipartThrough);
  }
}

function passMultipartThrough(instance: FastifyLike, _options: unknown, done: Done): void {
  if (!instance.hasContentTypeParser(MULTIPART)) {
    instance.addContentTypeParser(MULTIPART, (_request, _payload, parsed) => parsed(null));
  }
  done();
}

// Without this a plugin's parsers hold only inside the plugin.
Object.assign(passMultipartThrough, { [Symbol.for('skip-override')]: true });
