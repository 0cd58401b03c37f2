import { afterAll, beforeAll } from '@jest/globals';
import { bullmq } from 'nestjs-agentos/bullmq';
import { hookExecutorContract } from 'nestjs-agentos/testing';

import { describeContract } from '../support/contracts.js';
import { nextQueue, QUEUE_PLACES, STARTING_TIME, type QueuePlace } from '../support/queue-places.js';
import { describeWherePossible } from '../support/where-possible.js';

for (const { name, isPossible, open } of QUEUE_PLACES)
  describeWherePossible(isPossible, `A queue in ${name}`, `install ${name}`, () => {
    let place: QueuePlace;

    beforeAll(async () => {
      place = await open();
    }, STARTING_TIME);
    afterAll(() => place.close());

    describeContract(
      'An executor on BullMQ',
      hookExecutorContract(({ concurrency }) => bullmq({ ...place.store, queue: nextQueue(), concurrency }), {
        isDurable: true,
        canRetry: true,
        canLimit: true,
        canSupersede: true,
      }),
    );
  });
