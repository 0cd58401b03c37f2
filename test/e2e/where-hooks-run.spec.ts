import { Injectable } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  defineGuardrail,
  defineHook,
  Guardrail,
  Hook,
  hookRef,
  InputCheckError,
  Team,
  type GuardrailOptions,
  type PreHookContext,
} from 'nestjs-agentos';
import { createGate } from 'nestjs-agentos/testing';

import { ask, DOMAIN_SURFACES } from '../support/surfaces.js';
import { ADAPTERS, closeApps, startApp, startUpError } from '../support/test-app.js';

/** A hook as `GET /hooks` shows it. */
interface WireHook {
  readonly hook: string;
  readonly source: string;
  readonly guardrail: boolean;
  readonly limits?: object;
  readonly attachment:
    | ({ readonly component: object } & Readonly<Record<'phase' | 'attached_by' | 'mode' | 'reason', string>>)
    | null;
}

/** One hook of every kind. Those in the background wait until the test lets them go. */
@Injectable()
class EveryKind {
  readonly steps: string[] = [];
  readonly answered = createGate();

  @Hook({ runInBackground: true })
  saysTrue(context: PreHookContext): Promise<void> {
    return this.#record(context);
  }

  @Hook({ runInBackground: false })
  saysFalse(context: PreHookContext): Promise<void> {
    return this.#record(context);
  }

  @Hook()
  saysNothing(context: PreHookContext): Promise<void> {
    return this.#record(context);
  }

  @Guardrail()
  guards(context: PreHookContext): Promise<void> {
    return this.#record(context);
  }

  async #record({ hook }: PreHookContext): Promise<void> {
    if (hook.mode === 'background') await this.answered.opened;
    // The execution id reads `runId:phase:hook`.
    const [, phase] = hook.executionId.split(':');
    this.steps.push(`${phase} ${hook.name} in ${hook.mode}`);
  }
}

const ALL_KINDS = (['saysTrue', 'saysFalse', 'saysNothing', 'guards'] as const).map((method) =>
  hookRef(EveryKind, method),
);

afterEach(closeApps);

describe.each(DOMAIN_SURFACES)('The mode of a hook ($adapter, $transport)', ({ adapter, transport }) => {
  it.each([
    {
      position: 'off',
      inline: ['saysFalse', 'saysNothing', 'guards'],
      background: ['saysTrue'],
    },
    {
      position: 'on',
      inline: ['saysFalse', 'guards'],
      background: ['saysTrue', 'saysNothing'],
    },
  ])(
    'G2: a hook is in the background when it says true, or says nothing and the switch is on; guardrails are always inline (switch $position)',
    async ({ position, inline, background }) => {
      const agent = new Agent({ id: 'echo', engine: () => 'hi', preHooks: ALL_KINDS, postHooks: ALL_KINDS });
      const { app, agentOs, url } = await startApp({
        adapter,
        agentOs: { agents: [agent], runHooksInBackground: position === 'on' },
        providers: [EveryKind],
      });
      const { steps, answered } = app.get(EveryKind);

      await ask(url, '/agents/echo', 'hello', transport);
      steps.push('answer read');
      answered.open();
      await agentOs.drain();

      const inBothPhases = (names: string[], mode: string): string[] =>
        ['pre', 'post'].flatMap((phase) => names.map((name) => `${phase} ${name} in ${mode}`));
      expect(steps).toEqual([
        ...inBothPhases(inline, 'inline'),
        'answer read',
        ...inBothPhases(background, 'background'),
      ]);
    },
  );

  it('is the background for a pre-hook that the switch moves, which loses its edits and rejections', async () => {
    const agent = new Agent({
      id: 'echo',
      engine: ({ input }) => input,
      preHooks: [
        defineHook(({ runInput }: PreHookContext) => void (runInput.content = 'edited'), { name: 'edit' }),
        defineHook(() => Promise.reject(new InputCheckError('No.')), { name: 'reject' }),
      ],
    });
    const { url } = await startApp({ adapter, agentOs: { agents: [agent], runHooksInBackground: true } });

    const { status, body } = await ask(url, '/agents/echo', 'hello', transport);

    expect([status, body['content']]).toEqual([200, 'hello']);
  });
});

describe('The mode of a hook at start-up', () => {
  it('G2: marking a guardrail for the background is a start-up error', async () => {
    class Contradiction {
      @Guardrail({ runInBackground: true } as GuardrailOptions)
      check(): void {}
    }
    const marked = defineGuardrail(() => undefined, { runInBackground: true } as GuardrailOptions);
    const problem =
      'a guardrail cannot run in the background, it would guard nothing. Remove runInBackground.';
    const attached = (preHook: typeof marked | typeof Contradiction) => ({
      agents: [new Agent({ id: 'a', engine: () => 'hi', preHooks: [preHook] })],
    });

    expect([
      await startUpError({ agentOs: attached(Contradiction), providers: [Contradiction] }),
      await startUpError({ agentOs: attached(marked) }),
      await startUpError({ providers: [Contradiction] }),
    ]).toEqual([
      `@Guardrail on Contradiction.check: ${problem}`,
      `@Guardrail on preHooks[0] of agent "a": ${problem}`,
      `@Guardrail on Contradiction.check: ${problem}`,
    ]);
  });

  it.each([
    {
      position: 'on',
      expected: [expect.stringMatching(/no longer count: function log, EveryKind\.saysNothing\. /)],
    },
    { position: 'off', expected: [] },
  ])(
    'G2: one line at start-up names the pre-hooks that the switch has moved (switch $position)',
    async ({ position, expected }) => {
      const member = new Agent({
        id: 'member',
        engine: () => 'hi',
        preHooks: ALL_KINDS,
        postHooks: ALL_KINDS,
      });
      const preHooks = [function log() {}, hookRef(EveryKind, 'saysNothing')];
      const team = new Team({ id: 'team', members: [member], engine: () => 'hi', preHooks });
      const app = await startApp({
        agentOs: { teams: [team], runHooksInBackground: position === 'on' },
        providers: [EveryKind],
      });

      const lines = app.log.messages('warn').filter((line) => line.includes('pre-hooks'));
      expect(lines).toEqual(expected);
    },
  );
});

describe.each(ADAPTERS)('The route GET /hooks (%s)', (adapter) => {
  it('G4: GET /hooks lists every hook, where it is attached, its mode and why', async () => {
    @Injectable()
    class Unused {
      @Guardrail({ name: 'spare' })
      check(): void {}
    }
    const everywhere = defineHook(function everywhere() {}, { runInBackground: true });
    const engine = (): string => 'hi';
    const member = new Agent({ id: 'member', engine, preHooks: [hookRef(EveryKind, 'guards')] });
    const team = new Team({ id: 'team', members: [member], engine, postHooks: ALL_KINDS.slice(0, 3) });
    const { url } = await startApp({
      adapter,
      agentOs: {
        teams: [team],
        runHooksInBackground: true,
        preHooks: [function rootsOnly() {}],
        postHooks: [hookRef(everywhere, { members: true })],
      },
      providers: [EveryKind, Unused],
    });

    const listing = (await (await fetch(`${url}/hooks`)).json()) as WireHook[];

    const rows = listing.map(({ hook, source, guardrail, attachment }) => {
      if (!attachment) return [hook, source, guardrail, null];
      const { component, phase, attached_by, mode, reason } = attachment;
      return [hook, source, guardrail, component, `${phase}, by ${attached_by}, ${mode}: ${reason}`];
    });
    const ofTeam = { kind: 'team', id: 'team', name: 'team' };
    const ofMember = { kind: 'agent', id: 'member', name: 'member' };
    expect(rows).toEqual([
      ['rootsOnly', 'function rootsOnly', false, ofTeam, 'pre, by module, background: switch'],
      ['saysTrue', 'EveryKind.saysTrue', false, ofTeam, 'post, by component, background: decorator'],
      ['saysFalse', 'EveryKind.saysFalse', false, ofTeam, 'post, by component, inline: decorator'],
      ['saysNothing', 'EveryKind.saysNothing', false, ofTeam, 'post, by component, background: switch'],
      ['everywhere', 'function everywhere', false, ofTeam, 'post, by module, background: decorator'],
      ['guards', 'EveryKind.guards', true, ofMember, 'pre, by component, inline: guardrail'],
      ['everywhere', 'function everywhere', false, ofMember, 'post, by module, background: decorator'],
      ['spare', 'Unused.check', true, null],
    ]);
  });

  it('shows the limits of a hook, whether a component uses it or not', async () => {
    @Injectable()
    class Slack {
      @Hook({ runInBackground: true, concurrency: 2, rate: { max: 60, per: 60_000 } })
      post(): void {}

      @Hook({ concurrency: 1 })
      spare(): void {}
    }
    const agent = new Agent({ id: 'support', engine: () => 'hi', postHooks: [hookRef(Slack, 'post')] });
    const { url } = await startApp({ adapter, agentOs: { agents: [agent] }, providers: [Slack] });
    const listing = (await (await fetch(`${url}/hooks`)).json()) as WireHook[];
    expect(listing.map(({ source, limits }) => [source, limits])).toEqual([
      ['Slack.post', { concurrency: 2, rate: { max: 60, per: 60_000 } }],
      ['Slack.spare', { concurrency: 1 }],
    ]);
  });
});
