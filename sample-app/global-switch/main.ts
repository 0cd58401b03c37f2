import 'reflect-metadata';

import { NestFactory } from '@nestjs/core';

import { GlobalSwitchModule } from './global-switch.module.js';

const port = Number(process.env['PORT'] ?? 7777);

const app = await NestFactory.create(GlobalSwitchModule);
app.enableShutdownHooks();
await app.listen(port, 'localhost');

console.log(
  `curl -X POST localhost:${port}/agents/global-switch-agent/runs -F "message=How do I reset my password?" -F "stream=false"`,
);
