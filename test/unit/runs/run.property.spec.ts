import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  Agent,
  defineGuardrail,
  defineHook,
  InMemoryEvalStore,
  InMemorySessionStore,
  OutputCheckError,
  Team,
} from 'nestjs-agentos';
import type { PostHookContext, RunEvent } from 'nestjs-agentos';
import type { EngineOutput, EngineRequest, LeaderRequest } from 'nestjs-agentos/engine';
import type { Evaluation, StoredRun } from 'nestjs-agentos/stores';

import { HookLedger } from '../../../src/execution/hook.ledger.js';
import { InProcessHookExecutor } from '../../../src/execution/in-process-hook.executor.js';
import type { ServedEnvironment } from '../../../src/runs/environment.js';
import { InFlightRuns } from '../../../src/runs/in-flight-runs.js';
import { recordEvaluation } from '../../../src/runs/recorder.js';
import type { RunHandle } from '../../../src/runs/run.view.js';
import { startRun } from '../../../src/runs/start.js';
import { CoordinatedSessionStore } from '../../../src/sessions/coordinated-session.store.js';
import { createGate, type Gate } from '../../../src/testing/gate.js';
import { createServedEnvironment } from '../../support/served-environment.js';
import { evaluationOf } from '../../support/stored-data.js';
import { someTurns } from '../../support/turns.js';

const MEMBERS = [0, 1, 2] as const;

/** What happens from outside while a team with guardrails is at work. */
type Action = 'leader' | 'guard' | 'member-0' | 'member-1' | 'member-2' | 'cancel' | 'delete' | 'shutdown';

interface Scenario {
  readonly verdict: 'pass' | 'mask' | 'refuse';
  /** Members that the leader waits for; it starts all of them. */
  readonly waitsFor: readonly number[];
  readonly memberHasGuard: boolean;
  readonly failsFirst: boolean;
  readonly actions: readonly Action[];
}

const scenarios: fc.Arbitrary<Scenario> = fc.record({
  verdict: fc.constantFrom('pass', 'mask', 'refuse'),
  waitsFor: fc.subarray([...MEMBERS]),
  memberHasGuard: fc.boolean(),
  failsFirst: fc.boolean(),
  actions: fc.array(
    fc.constantFrom<Action>(
      'leader',
      'guard',
      'member-0',
      'member-1',
      'member-2',
      'cancel',
      'delete',
      'shutdown',
    ),
    { maxLength: 8 },
  ),
});

/** An answer with all that an answer may have. */
function answerOf(content: string): EngineOutput {
  return {
    content,
    reasoning: `because of ${content}`,
    sources: [{ kind: 'document', id: '1', title: content, excerpt: content }],
    files: [{ id: '2', kind: 'image', name: content, content: 'iVBORw0KGgo=' }],
  };
}

/** A team with guardrails whose parts wait for gates, conducted without a server. */
class Stage {
  readonly gates = new Map<Action, Gate>(
    (['leader', 'guard', 'member-0', 'member-1', 'member-2'] as const).map((name) => [name, createGate()]),
  );
  readonly sessions = new CoordinatedSessionStore(new InMemorySessionStore());
  readonly ledger = new HookLedger();
  readonly inFlight = new InFlightRuns();
  readonly executor = new InProcessHookExecutor({
    concurrency: 10,
    maxPending: 100,
    onOverflow: () => undefined,
  });
  readonly evals = new InMemoryEvalStore();
  readonly leaks: RunEvent[] = [];
  readonly delivered: RunEvent[] = [];
  /** Runs of members that have begun, repeated attempts included. */
  readonly begun = new Set<string>();
  /** Runs that a judge has evaluated. */
  readonly judged = new Set<string>();
  readonly hooksRun: string[] = [];
  /** Runs of members that the team's guardrail has looked at. */
  readonly seenMembers = new Set<string>();
  hasPassed = false;
  deletion: Promise<unknown> | undefined;
  readonly #environment: ServedEnvironment;

  constructor(readonly scenario: Scenario) {
    const { ledger, inFlight, executor, sessions, evals } = this;
    this.#environment = createServedEnvironment({ ledger, inFlight, executor, sessions, evals });
  }

  start(): RunHandle {
    return startRun({
      component: this.#team(),
      input: 'question',
      options: { sessionId: 'session' },
      environment: this.#environment,
      sink: (event) => {
        if (!this.hasPassed && JSON.stringify(event).includes('SECRET')) this.leaks.push(event);
        this.delivered.push(event);
        return undefined;
      },
    });
  }

  act(action: Action, run: RunHandle): void {
    if (action === 'cancel') run.cancel('stop');
    else if (action === 'shutdown') this.inFlight.shutDown();
    else if (action === 'delete') this.deletion ??= this.sessions.delete(['session']);
    else this.gates.get(action)?.open();
  }

  #wait(gate: Action): Promise<void> {
    return this.gates.get(gate)?.opened ?? Promise.resolve();
  }

  #team(): Team {
    const { verdict, waitsFor, failsFirst } = this.scenario;
    let attempts = 0;
    return new Team({
      id: 'team',
      retries: 1,
      members: MEMBERS.map((index) => this.#member(index)),
      engine: async ({ delegate }: LeaderRequest) => {
        const answers = MEMBERS.map((index) => delegate(`member-${index}`, 'question'));
        if (failsFirst && attempts++ === 0) throw new Error('try again');
        await this.#wait('leader');
        for (const index of waitsFor) await answers[index];
        return answerOf('ANSWER-SECRET');
      },
      postHooks: [
        defineGuardrail(
          async ({ runOutput }: PostHookContext) => {
            for (const { runId } of runOutput.memberResponses) this.seenMembers.add(runId);
            await this.#wait('guard');
            if (verdict === 'refuse') throw new OutputCheckError('refused');
            if (verdict === 'mask') runOutput.content = 'masked';
            else this.hasPassed = true;
          },
          { name: 'guard' },
        ),
        this.#backgroundHook(),
      ],
    });
  }

  #member(index: number): Agent {
    return new Agent({
      id: `member-${index}`,
      engine: async ({ context }: EngineRequest) => {
        this.begun.add(context.runId);
        await this.#wait(`member-${index as 0 | 1 | 2}`);
        return answerOf(`MEMBER-${index}-SECRET`);
      },
      postHooks: [
        defineHook<PostHookContext>((context) => this.#judge(context), { name: 'judge' }),
        ...(this.scenario.memberHasGuard ? [defineGuardrail(() => undefined, { name: 'guard' })] : []),
        this.#backgroundHook(),
      ],
    });
  }

  async #judge({ runContext: { runId, sessionId }, runOutput }: PostHookContext): Promise<void> {
    this.judged.add(runId);
    const { component, content } = runOutput;
    await recordEvaluation(
      this.evals,
      evaluationOf({ id: runId, runId, sessionId, component, output: content }),
    );
  }

  #backgroundHook(): ReturnType<typeof defineHook<PostHookContext>> {
    return defineHook<PostHookContext>(({ runContext }) => void this.hooksRun.push(runContext.runId), {
      name: 'notify',
      runInBackground: true,
    });
  }
}

function hasSecrets(data: StoredRun | Evaluation): boolean {
  return JSON.stringify(data).includes('SECRET');
}

describe('A run under random interleavings', () => {
  it('leaks nothing, loses nothing and ends', async () => {
    await fc.assert(
      fc.asyncProperty(scenarios, async (scenario) => {
        const stage = new Stage(scenario);
        const run = stage.start();
        for (const action of scenario.actions) {
          await someTurns();
          stage.act(action, run);
        }
        await someTurns();
        for (const gate of stage.gates.values()) gate.open();
        const { outcome } = await run.settled;
        await stage.inFlight.idle();
        await someTurns();
        await stage.executor.drain();
        await stage.deletion;

        // It ends: no run and no hook is left.
        expect(stage.inFlight.size).toBe(0);
        expect(stage.ledger.openCount).toBe(0);
        expect(run.outcome).toBe(outcome);

        // It leaks nothing: readers saw no secret before the guardrail passed, the session has those that it passed.
        expect(stage.leaks).toEqual([]);
        const stored = await stage.sessions.runs('session');
        const isPassed = outcome === 'completed' && scenario.verdict === 'pass';
        const leaked = stored.filter(
          (item) =>
            hasSecrets(item) &&
            !(isPassed && (item.runId === run.runId || stage.seenMembers.has(item.runId))),
        );
        expect(leaked.map(({ component }) => component.id)).toEqual([]);
        // What it passed is stored whole.
        const whole = stored.filter(({ runId }) => isPassed && stage.seenMembers.has(runId));
        expect(whole.every(hasSecrets)).toBe(true);
        // So it is with the evaluations of a judge.
        const evaluations = await stage.evals.list({ limit: 1_000 });
        const quoting = evaluations.filter(hasSecrets).map(({ runId }) => runId);
        expect(quoting.filter((runId) => !(isPassed && stage.seenMembers.has(runId)))).toEqual([]);
        // Readers get all events of what it passed.
        if (isPassed) {
          const ended = stage.delivered
            .filter(({ type }) => type === 'run-completed')
            .map(({ runId }) => runId);
          expect(ended).toEqual(expect.arrayContaining([run.runId, ...stage.seenMembers]));
          expect(quoting).toEqual(expect.arrayContaining([...stage.seenMembers]));
        }

        // It loses nothing: every run is stored once, unless its session was deleted, which stays deleted.
        const ids = stored.map(({ runId }) => runId);
        expect(new Set(ids).size).toBe(ids.length);
        const wasDeleted = (await stage.sessions.find('session')) === undefined;
        if (stage.deletion === undefined) {
          expect(new Set(ids)).toEqual(new Set([run.runId, ...stage.begun]));
          expect(wasDeleted).toBe(false);
        }
        expect(evaluations.map(({ runId }) => runId).sort()).toEqual([...stage.judged].sort());
        if (outcome === 'completed') {
          const dropped = stage.ledger.list({ runId: run.runId, state: 'dropped', mode: 'background' });
          expect(dropped.every(({ reason }) => reason === 'deleted')).toBe(true);
          if (stage.deletion === undefined) expect(dropped).toEqual([]);
          const hooksRun = stage.hooksRun.filter((runId) => runId === run.runId);
          expect(hooksRun.length + dropped.length).toBe(1);
        }
        expect(new Set(stage.hooksRun).size).toBe(stage.hooksRun.length);
      }),
      { numRuns: 150 },
    );
  });
});
