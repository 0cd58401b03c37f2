import { AsyncLocalStorage } from 'node:async_hooks';
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

import { Injectable, Module } from '@nestjs/common';
import { Agent, AgentOsModule, Hook, hookRef, type PostHookContext } from 'nestjs-agentos';
import { bullmq, type PayloadCodec } from 'nestjs-agentos/bullmq';
import type { ContextCarry } from 'nestjs-agentos/executor';

@Injectable()
export class SupportHooks {
  @Hook({ runInBackground: true })
  async notify({ runOutput, hook }: PostHookContext): Promise<void> {
    await fetch('https://hooks.example.com/notify', {
      method: 'POST',
      headers: { 'idempotency-key': hook.executionId },
      body: runOutput.content,
    });
  }
}

const support = new Agent({
  id: 'support',
  engine: ({ input }) => `You asked: ${input}`,
  postHooks: [hookRef(SupportHooks, 'notify')],
});

@Module({
  imports: [
    AgentOsModule.forRoot({
      agents: [support],
      executor: bullmq({ folder: process.env['HOOKS_FOLDER'] ?? '.agent-os' }),
    }),
  ],
  providers: [SupportHooks],
})
export class DurableModule {}

@Injectable()
export class SlackHooks {
  @Hook({ runInBackground: true, concurrency: 2, rate: { max: 60, per: 60_000 }, retry: { attempts: 5 } })
  async post({ runOutput }: PostHookContext): Promise<void> {
    await fetch(process.env['SLACK_WEBHOOK'] ?? 'https://hooks.slack.com/services/…', {
      method: 'POST',
      body: JSON.stringify({ text: runOutput.content }),
    });
  }
}

export const tenants = new AsyncLocalStorage<string>();

export const carry: ContextCarry = {
  capture: () => tenants.getStore(),
  run: (captured, callback) => tenants.run(String(captured), callback),
};

/** AES-256-GCM. A payload is the id of its key, preceded by its length, then nonce, tag and text. */
export function aesGcm(keys: ReadonlyMap<string, Buffer>, newest: string): PayloadCodec {
  const keyOf = (id: string): Buffer => {
    const key = keys.get(id);
    if (!key) throw new Error(`There is no key "${id}".`);
    return key;
  };
  return {
    encode: (payload) => {
      const id = Buffer.from(newest);
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', keyOf(newest), nonce).setAAD(id);
      const text = Buffer.concat([cipher.update(payload), cipher.final()]);
      return Buffer.concat([Buffer.of(id.length), id, nonce, cipher.getAuthTag(), text]);
    },
    decode: (payload) => {
      const bytes = Buffer.from(payload);
      const start = 1 + bytes.readUInt8(0);
      const id = bytes.subarray(1, start);
      const decipher = createDecipheriv(
        'aes-256-gcm',
        keyOf(id.toString()),
        bytes.subarray(start, start + 12),
        {
          authTagLength: 16,
        },
      );
      decipher.setAAD(id).setAuthTag(bytes.subarray(start + 12, start + 28));
      return Buffer.concat([decipher.update(bytes.subarray(start + 28)), decipher.final()]);
    },
  };
}
