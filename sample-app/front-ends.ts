import type { INestApplication } from '@nestjs/common';

/** The origins of chat front ends for the AgentOS protocol. */
export const FRONT_ENDS = [
  'http://localhost:3000',
  'https://agno.com',
  'https://www.agno.com',
  'https://app.agno.com',
  'https://os-stg.agno.com',
  'https://os.agno.com',
];

/** Allows the pages of chat front ends to call this server from a browser. */
export function allowFrontEnds(app: INestApplication): void {
  app.enableCors({ origin: FRONT_ENDS, credentials: true, exposedHeaders: '*', maxAge: 600 });
}
