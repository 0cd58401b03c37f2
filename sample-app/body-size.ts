import type { NestExpressApplication } from '@nestjs/platform-express';

/** Room for a file of 10 MiB in base64, and for what stands around it. */
const LIMIT = '16mb';

/** Takes bodies in which clients send files as text; Express refuses them beyond 100 kB. */
export function takeLargeBodies(app: NestExpressApplication): void {
  app.useBodyParser('json', { limit: LIMIT });
  app.useBodyParser('urlencoded', { limit: LIMIT, extended: true });
}
