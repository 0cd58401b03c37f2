import type { NestExpressApplication } from '@nestjs/platform-express';

/** Enough for a file of 10 MiB in base64 and the rest of the body. */
const LIMIT = '16mb';

/** Accepts bodies that contain files as text; by default Express refuses bodies above 100 kB. */
export function takeLargeBodies(app: NestExpressApplication): void {
  app.useBodyParser('json', { limit: LIMIT });
  app.useBodyParser('urlencoded', { limit: LIMIT, extended: true });
}
