import 'reflect-metadata';

import { NestFactory } from '@nestjs/core';

import { WorkerModule } from './app.module.js';
import { describeHookQueue, isQueueShared } from './storage/hook-queue.js';
import { describeStorage } from './storage/storage.module.js';

if (!isQueueShared()) {
  console.error(
    'A worker shares a queue with the server: start both with EXECUTOR=bullmq and DATABASE_URL or REDIS_URL.',
  );
  process.exit(1);
}
if (process.env['DATABASE_URL'] === undefined) {
  // The folder belongs to the server.
  process.env['DATA_FOLDER'] = 'memory://';
  console.warn('Evaluations of this worker stay in its memory: DATABASE_URL names a place that it shares.');
}
const app = await NestFactory.createApplicationContext(WorkerModule);
app.enableShutdownHooks();
console.log(
  `The worker is ready. Ctrl+C stops it.\n  Data   ${describeStorage()}\n  Queue  ${describeHookQueue()}\n`,
);
