import type { Histogram, Counter, Meter, ObservableGauge, BatchObservableResult } from '@opentelemetry/api';

import { millisecondsSince, now } from '../model/clock.js';
import type { ComponentIdentity } from '../model/component-identity.js';
import type { ModelIdentity } from '../model/run-output.js';
import { tokensOf, type RunUsage } from '../model/run-usage.js';
import { BoundedNames } from './bounded.names.js';
import {
  ERROR_TYPE,
  GEN_AI_METRICS,
  HOOK_METRICS,
  hookMeasurement,
  modelMeasurement,
  runMeasurement,
  toolMeasurement,
  type Attributes,
  type Metric,
} from './conventions.js';
import type { MeasuredHook, MeasuredHooks, PendingHooks } from './telemetry.js';
import type { TelemetryGuard } from './telemetry.guard.js';

/** The counts that are measured, and their metrics. */
const TOKENS = [
  'inputTokens',
  'outputTokens',
  'cacheReadTokens',
  'cacheWriteTokens',
  'reasoningTokens',
] as const;

type TokenCounters = Readonly<Record<(typeof TOKENS)[number], Counter>>;

/** A part of work that has ended. */
export interface MeasuredWork {
  readonly seconds: number;
  /** The class of its error, if it has failed. */
  readonly errorType: string | undefined;
}

/** A run that has settled. */
export interface MeasuredRun extends MeasuredWork {
  readonly identity: ComponentIdentity;
  readonly modelCalls: number;
  readonly toolCalls: number;
}

/** The instruments of a meter. The attributes of measurements never hold ids of runs, sessions or users. */
export class Instruments {
  readonly #meter: Meter;
  readonly #guard: TelemetryGuard;
  readonly #names = new BoundedNames();
  readonly #modelDuration: Histogram;
  readonly #tokens: TokenCounters;
  readonly #runDuration: Histogram;
  readonly #modelCalls: Histogram;
  readonly #toolCalls: Histogram;
  readonly #toolDuration: Histogram;
  readonly #hookDuration: Histogram;
  readonly #hookWait: Histogram;

  constructor(meter: Meter, guard: TelemetryGuard) {
    const counter = ({ name, ...options }: Metric): Counter => meter.createCounter(name, options);
    const metrics = GEN_AI_METRICS;
    this.#meter = meter;
    this.#guard = guard;
    this.#modelDuration = histogram(meter, metrics.modelDuration);
    this.#tokens = {
      inputTokens: counter(metrics.inputTokens),
      outputTokens: counter(metrics.outputTokens),
      cacheReadTokens: counter(metrics.cacheReadTokens),
      cacheWriteTokens: counter(metrics.cacheWriteTokens),
      reasoningTokens: counter(metrics.reasoningTokens),
    };
    this.#runDuration = histogram(meter, metrics.runDuration);
    this.#modelCalls = histogram(meter, metrics.modelCalls);
    this.#toolCalls = histogram(meter, metrics.toolCalls);
    this.#toolDuration = histogram(meter, metrics.toolDuration);
    this.#hookDuration = histogram(meter, HOOK_METRICS.duration);
    this.#hookWait = histogram(meter, HOOK_METRICS.wait);
  }

  /** A request to a model has ended. */
  modelRequest(model: ModelIdentity | undefined, { seconds, errorType }: MeasuredWork): void {
    this.#guard.call(() => this.#modelDuration.record(seconds, this.#ofModel(model, errorType)));
  }

  /** Tokens were used. */
  tokens(model: ModelIdentity | undefined, usage: RunUsage): void {
    this.#guard.call(() => {
      const counts = tokensOf(usage);
      const attributes = this.#ofModel(model);
      for (const kind of TOKENS) {
        const count = counts[kind];
        if (count !== undefined && count > 0) this.#tokens[kind].add(count, attributes);
      }
    });
  }

  /** A tool call has ended. */
  toolCall(name: string, { seconds, errorType }: MeasuredWork): void {
    this.#guard.call(() => {
      const attributes = withError(toolMeasurement(this.#names.of(name)), errorType);
      this.#toolDuration.record(seconds, attributes);
    });
  }

  /** A run has settled. */
  run({ identity, seconds, errorType, modelCalls, toolCalls }: MeasuredRun): void {
    this.#guard.call(() => {
      const described = runMeasurement({ ...identity, name: this.#names.of(identity.name) });
      const attributes = withError(described, errorType);
      this.#runDuration.record(seconds, attributes);
      this.#modelCalls.record(modelCalls, attributes);
      this.#toolCalls.record(toolCalls, attributes);
    });
  }

  /** Measures hooks from now on. @returns ends it */
  measureHooks(hooks: MeasuredHooks): () => void {
    const timer = new HookTimer((hook, times) => this.#hookEnded(hook, times));
    const tally = new PendingTally(this.#names);
    const subscription = hooks.changes.subscribe((hook) => {
      tally.see(hook);
      timer.note(hook);
    });
    const stopGauges = this.#guard.call(() => this.#observePending(hooks, tally));
    return () => {
      subscription.unsubscribe();
      if (stopGauges) this.#guard.call(stopGauges);
    };
  }

  #hookEnded({ hook, mode, state }: MeasuredHook, { seconds, waited }: HookTimes): void {
    this.#guard.call(() => {
      const attributes = hookMeasurement(this.#names.of(hook), mode, state);
      if (seconds !== undefined) this.#hookDuration.record(seconds, attributes);
      if (waited !== undefined) this.#hookWait.record(waited, attributes);
    });
  }

  #observePending(hooks: MeasuredHooks, tally: PendingTally): () => void {
    const pending = gauge(this.#meter, HOOK_METRICS.pending);
    const oldest = gauge(this.#meter, HOOK_METRICS.oldest);
    // A rejected promise is the SDK's to report: it goes on with the other metrics.
    const observe = async (result: BatchObservableResult): Promise<void> => {
      tally.count(await hooks.pending());
      for (const { hook, mode, scheduled, running, oldest: age } of tally.all) {
        result.observe(pending, scheduled, hookMeasurement(hook, mode, 'scheduled'));
        result.observe(pending, running, hookMeasurement(hook, mode, 'running'));
        result.observe(oldest, age / 1_000, hookMeasurement(hook, mode));
      }
    };
    this.#meter.addBatchObservableCallback(observe, [pending, oldest]);
    return () => this.#meter.removeBatchObservableCallback(observe, [pending, oldest]);
  }

  #ofModel(model: ModelIdentity | undefined, errorType?: string): Attributes {
    const bounded = model && {
      ...model,
      id: this.#names.of(model.id),
      provider: this.#names.of(model.provider),
    };
    return withError(modelMeasurement(bounded), errorType);
  }
}

function histogram(meter: Meter, { name, boundaries, ...options }: Metric): Histogram {
  const advice = boundaries ? { advice: { explicitBucketBoundaries: boundaries } } : {};
  return meter.createHistogram(name, { ...options, ...advice });
}

function gauge(meter: Meter, { name, unit, description }: Metric): ObservableGauge {
  return meter.createObservableGauge(name, { unit, description });
}

function withError(attributes: Attributes, errorType: string | undefined): Attributes {
  return errorType === undefined ? attributes : { ...attributes, [ERROR_TYPE]: errorType };
}

/** How long a hook has waited and run, in seconds; undefined if it has not run, or was run again. */
interface HookTimes {
  readonly seconds: number | undefined;
  readonly waited: number | undefined;
}

/** An execution that runs. */
interface StartedHook {
  /** In the time of `performance.now()`. */
  readonly at: number;
  /** Seconds; undefined for a further run, on request or after a crash: the start of its wait is not known. */
  readonly waited: number | undefined;
}

function startOf({ attempts, scheduledAt }: MeasuredHook): StartedHook {
  return { at: performance.now(), waited: attempts === 1 ? secondsBetween(scheduledAt, now()) : undefined };
}

/** Measures executions of hooks from the changes of their states. */
class HookTimer {
  /** When the executions that run have started. */
  readonly #started = new WeakMap<MeasuredHook, StartedHook>();
  readonly #onEnded: (hook: MeasuredHook, times: HookTimes) => void;

  constructor(onEnded: (hook: MeasuredHook, times: HookTimes) => void) {
    this.#onEnded = onEnded;
  }

  note(hook: MeasuredHook): void {
    const started = this.#started.get(hook);
    if (hook.state === 'running') {
      if (!started) this.#started.set(hook, startOf(hook));
      return;
    }
    this.#started.delete(hook);
    if (hook.endedAt === undefined) return;
    this.#onEnded(hook, {
      seconds: started && millisecondsSince(started.at) / 1_000,
      waited: started?.waited,
    });
  }
}

/** Clocks may be set back, and those of two processes may differ. */
function secondsBetween(start: number, end: number): number {
  return Math.max(0, end - start) / 1_000;
}

interface ObservedHook {
  readonly hook: string;
  readonly mode: MeasuredHook['mode'];
  scheduled: number;
  running: number;
  /** Milliseconds since the longest waiting one was scheduled. */
  oldest: number;
}

/** Counts hooks that wait or run. A hook that was seen once is counted from then on, also with 0. */
class PendingTally {
  readonly #names: BoundedNames;
  readonly #hooks = new Map<string, ObservedHook>();

  constructor(names: BoundedNames) {
    this.#names = names;
  }

  get all(): Iterable<ObservedHook> {
    return this.#hooks.values();
  }

  /** The hook has been reached by a run, in this process. */
  see({ hook, mode }: MeasuredHook): void {
    this.#of(this.#names.of(hook), mode);
  }

  count(hooks: readonly PendingHooks[]): void {
    for (const tally of this.#hooks.values()) Object.assign(tally, { scheduled: 0, running: 0, oldest: 0 });
    for (const { hook, mode, waiting, running, oldestWaiting = 0 } of hooks) {
      const tally = this.#of(this.#names.of(hook), mode);
      tally.scheduled += waiting;
      tally.running += running;
      tally.oldest = Math.max(tally.oldest, oldestWaiting);
    }
  }

  #of(hook: string, mode: MeasuredHook['mode']): ObservedHook {
    const key = `${mode} ${hook}`;
    const known = this.#hooks.get(key);
    if (known) return known;
    const tally: ObservedHook = { hook, mode, scheduled: 0, running: 0, oldest: 0 };
    this.#hooks.set(key, tally);
    return tally;
  }
}
