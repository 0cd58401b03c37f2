import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { createAgentOsDocument } from 'nestjs-agentos/openapi';

/** Serves a page that describes every route at /docs, and its OpenAPI document at /openapi.json. */
export function serveOpenApi(app: INestApplication): void {
  const config = new DocumentBuilder().setTitle('nestjs-agentos sample').build();
  SwaggerModule.setup('docs', app, () => createAgentOsDocument(app, config), {
    jsonDocumentUrl: 'openapi.json',
  });
}
