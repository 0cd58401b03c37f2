import type { ImportStyle } from './module.edit.js';

/** A file that `init` writes: its path relative to the folder of the sources, and its text. */
export interface NewFile {
  readonly path: string;
  readonly text: string;
}

/** What the new files depend on. */
export interface InitSettings {
  readonly style: ImportStyle;
  /** `vitest` is imported, `jest` has globals; without a runner there is no test. */
  readonly runner: 'jest' | 'vitest' | undefined;
  /** The project has the adapter of Fastify only. */
  readonly isFastify: boolean;
}

/** The module that is added to the imports of the application's. */
export const AGENTS_MODULE = { name: 'AgentsModule', file: './agents/agents.module' } as const;

/** An agent with a hook, the module that serves it, and the test of the hook. */
export function initFiles({ style, runner, isFastify }: InitSettings): NewFile[] {
  const files: NewFile[] = [
    { path: 'agents/agents.module.ts', text: AGENTS },
    { path: 'agents/support.agent.ts', text: AGENT },
    { path: 'agents/support.hooks.ts', text: HOOKS },
    ...(runner ? [{ path: 'agents/support.agent.spec.ts', text: specOf(runner, isFastify) }] : []),
  ];
  return files.map(({ path, text }) => ({ path, text: inStyle(text, style) }));
}

/** The templates have single quotes, and relative imports without an ending. */
function inStyle(text: string, { quote, ending }: ImportStyle): string {
  return text
    .replaceAll(/ from '(\.[^']*)'/g, (_, path: string) => ` from '${path}${ending}'`)
    .replaceAll("'", quote);
}

const AGENTS = `import { Module } from '@nestjs/common';
import { AgentOsModule } from 'nestjs-agentos';
import { support } from './support.agent';
import { SupportHooks } from './support.hooks';

@Module({
  imports: [
    AgentOsModule.forRoot({
      agents: [support],
      // POST /os/agents/support/runs, and GET /os/dashboard shows every run.
      http: { prefix: 'os', dashboard: true },
    }),
  ],
  providers: [SupportHooks],
  exports: [AgentOsModule],
})
export class AgentsModule {}
`;

const AGENT = `import { Agent, hookRef } from 'nestjs-agentos';
import { SupportHooks } from './support.hooks';

export const support = new Agent({
  id: 'support',
  name: 'Support',
  // Call a model here.
  engine: ({ input }) => \`You asked: \${input}\`,
  postHooks: [hookRef(SupportHooks, 'notify')],
});
`;

const HOOKS = `import { Injectable, Logger } from '@nestjs/common';
import { Hook, type PostHookContext } from 'nestjs-agentos';

@Injectable()
export class SupportHooks {
  private readonly logger = new Logger(SupportHooks.name);

  /** Runs after the response has been sent: the caller does not wait for it. */
  @Hook({ runInBackground: true })
  notify({ component, runOutput }: PostHookContext): void {
    this.logger.log(\`\${component.name} answered: \${runOutput.content}\`);
  }
}
`;

function specOf(runner: 'jest' | 'vitest', isFastify: boolean): string {
  const fastify = "import { FastifyAdapter } from '@nestjs/platform-fastify';\n";
  const vitest = "import { afterEach, beforeEach, describe, expect, it } from 'vitest';\n";
  return `${isFastify ? fastify : ''}import { createTestAgentOs, type TestAgentOs } from 'nestjs-agentos/testing';
${runner === 'vitest' ? vitest : ''}import { support } from './support.agent';
import { SupportHooks } from './support.hooks';

describe('support', () => {
  let os: TestAgentOs;

  beforeEach(async () => {
    os = await createTestAgentOs({
      agents: [support],
      providers: [SupportHooks],
${isFastify ? '      adapter: new FastifyAdapter(),\n' : ''}    });
  });

  afterEach(() => os.close());

  it('answers, and notifies after the response', async () => {
    const run = await os.client.run('support', 'Where is my parcel?');
    await os.hooks.next('notify', { state: 'succeeded' });

    expect(run.content).toBe('You asked: Where is my parcel?');
    os.hooks.assertRanAfterResponse(run, 'notify');
  });
});
`;
}
