import { AssertionError } from 'node:assert';

import { InternalServerErrorException } from '@nestjs/common';

import {
  Engine,
  type EngineRequest,
  type EngineUsage,
  type EngineYield,
  type LeaderRequest,
} from '../components/engine.js';
import { toError } from '../data/to-error.js';
import type { PlainRecord } from '../model/run-context.js';

/** A piece of text, or a function that creates it from the request. */
export type ScriptedText = string | ((request: EngineRequest) => string);

/** The options of a scripted tool call. */
export interface ScriptedToolOptions {
  /** The tool has failed, and the result says why. Default false. */
  readonly failed?: boolean;
}

/** The options of a pause in the script. */
export interface HangOptions {
  /** Keep hanging when the run is cancelled or times out, like an engine that ignores its signal. Default false. */
  readonly ignoreSignal?: boolean;
}

type Step = (request: EngineRequest, run: ScriptedRun) => AsyncIterable<EngineYield> | Iterable<EngineYield>;

/** How far a run has come in its script. */
interface ScriptedRun {
  readonly runId: string;
  /** The index of its script, from 0. */
  readonly index: number;
  next: number;
  toolCalls: number;
}

interface HangingRun {
  readonly runId: string;
  readonly proceed: () => void;
}

interface HangingWaiter {
  readonly runId: string | undefined;
  readonly resolve: (runId: string) => void;
}

/** A run has requested more steps than its script has. Clients get the message with status 500. */
export class ScriptOverError extends InternalServerErrorException {
  /** The id of that run. */
  readonly runId: string;

  constructor(runId: string, problem: string) {
    super(`scriptedEngine(): run ${runId} ${problem}`);
    this.runId = runId;
  }
}

/** An engine that plays the scripts of a test. Created by {@link scriptedEngine}. */
export class ScriptedEngine extends Engine {
  readonly #scripts: Step[][] = [[]];
  readonly #runs = new Map<string, ScriptedRun>();
  readonly #hanging = new Set<HangingRun>();
  readonly #waiting = new Set<HangingWaiter>();
  readonly #asked: EngineRequest[] = [];
  #repeats = false;

  /** The requests so far, in order: one for each attempt of a run. */
  get requests(): readonly EngineRequest[] {
    return [...this.#asked];
  }

  /**
   * Answers with a text in pieces: a single text is sent word by word, several texts are the pieces. A function creates
   * a piece from the request.
   *
   * @example `scriptedEngine().text('You asked: ', ({ input }) => input)`
   */
  text(...pieces: readonly [ScriptedText, ...ScriptedText[]]): this {
    return this.#add(function* (request) {
      for (const piece of pieces) {
        const text = typeof piece === 'function' ? piece(request) : piece;
        if (pieces.length > 1) yield { type: 'text', text };
        else for (const word of wordsOf(text)) yield { type: 'text', text: word };
      }
    });
  }

  /** Calls a tool and gets the result. The ids of a run's calls are `call-1`, `call-2`, …. */
  tool(name: string, args: PlainRecord, result: string, { failed = false }: ScriptedToolOptions = {}): this {
    return this.#add(function* (_request, run) {
      const id = `call-${++run.toolCalls}`;
      yield { type: 'tool-call', id, name, arguments: args };
      yield { type: 'tool-result', id, result, failed };
    });
  }

  /**
   * Delegates to a member of the team that this engine leads, and answers with the member's answer.
   *
   * @param input - the member's input. Default: the team's input
   */
  delegate(memberId: string, input?: string): this {
    return this.#add(async function* (request) {
      const { delegate } = request as Partial<LeaderRequest>;
      if (!delegate)
        throw new Error('scriptedEngine(): delegate() is for engines of teams; this engine has no members.');
      yield { type: 'text', text: await delegate(memberId, input ?? request.input) };
    });
  }

  /** Reports tokens: `usage({ inputTokens: 10, outputTokens: 2 })`. */
  usage(usage: EngineUsage): this {
    return this.yield({ type: 'usage', ...usage });
  }

  /** Reports any event, or a whole answer, as engines may yield it. */
  yield(answer: EngineYield): this {
    return this.#add(function* () {
      yield answer;
    });
  }

  /** Throws. Steps after it are those of the run's next attempt: see `retries` of agents. */
  fail(error: unknown = new Error('The scripted engine fails.')): this {
    // eslint-disable-next-line require-yield -- a step is a generator
    return this.#add(function* () {
      throw error;
    });
  }

  /**
   * Waits for {@link proceed}; {@link hanging} resolves when it waits. Ends with the error of the run's signal when the
   * run is cancelled or its time is over.
   */
  hang({ ignoreSignal = false }: HangOptions = {}): this {
    const hang = (request: EngineRequest): Promise<void> => this.#hang(request, ignoreSignal);
    // eslint-disable-next-line require-yield -- a step is a generator
    return this.#add(async function* (request) {
      await hang(request);
    });
  }

  /** The steps after it are those of the next run. Runs take their scripts in the order in which they start. */
  nextRun(): this {
    this.#scripts.push([]);
    return this;
  }

  /** All later runs play the last script again. */
  repeat(): this {
    this.#repeats = true;
    return this;
  }

  /**
   * Resolves with the id of a run that hangs, at once if one does.
   *
   * @param runId - only this run
   * @example
   * ```ts
   * const engine = scriptedEngine().hang().text('Done.');
   * const run = client.run('support', 'Hi');
   * await engine.hanging();
   * engine.proceed();
   * ```
   */
  hanging(runId?: string): Promise<string> {
    const found = [...this.#hanging].find((run) => runId === undefined || run.runId === runId);
    if (found) return Promise.resolve(found.runId);
    return new Promise((resolve) => this.#waiting.add({ runId, resolve }));
  }

  /**
   * Lets the runs that hang go on.
   *
   * @param runId - only this run
   * @throws Error if none hangs: await {@link hanging} first
   */
  proceed(runId?: string): void {
    const runs = [...this.#hanging].filter((run) => runId === undefined || run.runId === runId);
    if (runs.length === 0) {
      const which = runId === undefined ? 'no run hangs' : `run ${runId} does not hang`;
      throw new Error(`scriptedEngine(): ${which}, so there is no step to continue. Await hanging() first.`);
    }
    for (const run of runs) run.proceed();
  }

  /**
   * Asserts that all scripts were played to their end.
   *
   * @throws AssertionError that lists the unfinished scripts
   */
  assertFinished(): void {
    const played = new Map([...this.#runs.values()].map((run) => [run.index, run.next]));
    const open = this.#scripts.flatMap((steps, index) => {
      const done = played.get(index) ?? 0;
      return done < steps.length ? [`script ${index + 1}: ${done} of ${steps.length} steps`] : [];
    });
    if (open.length === 0) return;
    throw new AssertionError({
      message: `Expected the script to be played to its end. Played: ${open.join(', ')}.`,
    });
  }

  override async *stream(request: EngineRequest): AsyncGenerator<EngineYield, void, void> {
    this.#asked.push(request);
    const run = this.#runOf(request.context.runId);
    const steps = this.#scripts[run.index] ?? [];
    if (run.next >= steps.length) {
      throw new ScriptOverError(
        run.runId,
        `asked for another attempt, but its script of ${countOf(steps.length, 'step')} is over.`,
      );
    }
    for (let step = steps[run.next]; step; step = steps[run.next]) {
      run.next += 1;
      yield* step(request, run);
    }
  }

  #add(step: Step): this {
    this.#scripts.at(-1)?.push(step);
    return this;
  }

  #runOf(runId: string): ScriptedRun {
    const known = this.#runs.get(runId);
    if (known) return known;
    const index = this.#repeats ? Math.min(this.#runs.size, this.#scripts.length - 1) : this.#runs.size;
    const steps = this.#scripts[index];
    if (!steps || steps.length === 0) {
      const all = this.#scripts.filter(({ length }) => length > 0);
      const total = all.reduce((sum, { length }) => sum + length, 0);
      throw new ScriptOverError(
        runId,
        `asked for script ${index + 1}, but there ${all.length === 1 ? 'is' : 'are'} ${countOf(all.length, 'script')} ` +
          `with ${countOf(total, 'step')}. Add the steps of another run after nextRun(), or end with repeat().`,
      );
    }
    const run: ScriptedRun = { runId, index, next: 0, toolCalls: 0 };
    this.#runs.set(runId, run);
    return run;
  }

  #hang({ context: { runId }, signal }: EngineRequest, ignoreSignal: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.#hanging.delete(run);
        signal.removeEventListener('abort', onAbort);
      };
      const run: HangingRun = {
        runId,
        proceed: () => {
          end();
          resolve();
        },
      };
      const onAbort = (): void => {
        end();
        reject(toError(signal.reason));
      };
      if (!ignoreSignal) {
        if (signal.aborted) return reject(toError(signal.reason));
        signal.addEventListener('abort', onAbort, { once: true });
      }
      this.#hanging.add(run);
      for (const waiter of this.#waiting) {
        if (waiter.runId !== undefined && waiter.runId !== runId) continue;
        this.#waiting.delete(waiter);
        waiter.resolve(runId);
      }
    });
  }
}

/**
 * Creates an engine that plays scripts: a model without costs that always answers the same. Each run plays its own
 * script; {@link ScriptedEngine.nextRun} begins the next one.
 *
 * @example
 * ```ts
 * const engine = scriptedEngine()
 *   .tool('findParcel', { id: 7 }, 'in Bonn')
 *   .text('It is ', 'in Bonn.')
 *   .nextRun()
 *   .fail(new Error('The model is down'));
 * const support = new Agent({ id: 'support', engine });
 * ```
 */
export function scriptedEngine(): ScriptedEngine {
  return new ScriptedEngine();
}

/** The words, each with the blanks that follow it. */
function wordsOf(text: string): readonly string[] {
  return text.match(/\s*\S+\s*|\s+/g) ?? [text];
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
