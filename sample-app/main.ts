import 'reflect-metadata';

import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AgentOsService } from 'nestjs-agentos';

import { AppModule } from './app.module.js';
import { takeLargeBodies } from './body-size.js';
import { crashExample, examples } from './examples.js';
import { allowFrontEnds } from './front-ends.js';
import { serveOpenApi } from './open-api.js';
import { summarize } from './summary.js';

const app = await NestFactory.create<NestExpressApplication>(AppModule);
// Pending background hooks run before the process ends.
app.enableShutdownHooks();
allowFrontEnds(app);
takeLargeBodies(app);
serveOpenApi(app);
// The routes are open, so the server listens on this machine only.
await app.listen(Number(process.env['PORT'] ?? 7777), process.env['HOST'] ?? 'localhost');
// PORT=0 selects a free port.
const port = Number(new URL(await app.getUrl()).port);

const lines = examples(port).map(({ title, curl }) => `${title}:\n  ${curl}`);
console.log(`\nTry it in another terminal:\n\n${lines.join('\n')}\n\n${crashExample(port, process.pid)}\n`);
console.log(
  `The sample application is ready. Ctrl+C stops it.\n${summarize(app.get(AgentOsService), `http://localhost:${port}`)}\n`,
);
