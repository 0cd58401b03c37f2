import type { INestApplication } from '@nestjs/common';

/** Where chat front ends for the AgentOS protocol are served from. */
export const FRONT_ENDS = [
  'http://localhost:3000',
  'https://agno.com',
  'https://www.agno.com',
  'https://app.agno.com',
  'https://os-stg.agno.com',
  'https://os.agno.com',
];

/** Lets the pages of chat front ends talk to this server from within a browser. */
export function allowFrontEnds(app: INestApplication): void {
  app.enableCors({ origin: FRONT_ENDS, credentials: true, exposedHeaders: '*', maxAge: 600 });
}
