import type { Message } from '../model/message.js';
import type { RunContext } from '../model/run-context.js';
import type { PlainRecord } from '../model/run-context.js';
import type { RunFile } from '../model/run-input.js';
import type { RunSource } from '../model/run-source.js';
import type { ModelIdentity } from '../model/run-output.js';
import type { FinishReason, ModelRequestMetrics } from '../model/run-usage.js';
import type { ToolExecution } from '../model/tool-execution.js';
import type { RunUsage } from '../model/run-usage.js';
import type { ComponentIdentity } from '../model/component-identity.js';

/** The request that an engine gets. */
export interface EngineRequest {
  /** The input as it stands after all inline pre-hooks. */
  readonly input: string;
  /**
   * Earlier questions and answers of this session, then the input as the last message. A turn whose question or answer
   * is blank is left out; a question of files alone is replaced by their names.
   */
  readonly messages: readonly Message[];
  /** The files that came with the input. */
  readonly files: readonly RunFile[];
  readonly context: RunContext;
  /** Aborted when the run is cancelled: pass it on to the functions that you call. */
  readonly signal: AbortSignal;
}

/** How a team works; see `Team`. */
export type TeamMode = 'coordinate' | 'route' | 'broadcast';

/** A member's answer to a broadcast. */
export interface MemberAnswer {
  readonly memberId: string;
  readonly memberName: string;
  /** The answer, or the text of the error for clients. */
  readonly content: string;
  readonly success: boolean;
}

/** The request that a team's leader gets. */
export interface LeaderRequest extends EngineRequest {
  readonly mode: TeamMode;
  /** The members' answers, in list order; empty unless the team broadcasts. The last message quotes them too. */
  readonly answers: readonly MemberAnswer[];
  readonly members: readonly ComponentIdentity[];
  /**
   * Runs a member as a part of this run. With the id of a reported tool call, that call records which run it
   * has started.
   *
   * @returns the member's answer
   * @throws AgentRunError of the member's run, or an error that names the members if there is none with this id
   */
  readonly delegate: (memberId: string, input: string, options?: DelegateOptions) => Promise<string>;
}

/** The options of `delegate`. */
export interface DelegateOptions {
  /** The tool call with which a model has asked for the member. */
  readonly toolCallId?: string;
}

/** The events that an engine reports while it works. */
export type EngineEvent =
  | { readonly type: 'text'; readonly text: string }
  /** A piece of the model's reasoning. */
  | { readonly type: 'reasoning'; readonly text: string }
  /** A source that the answer refers to. */
  | { readonly type: 'source'; readonly source: RunSource }
  /** An image, audio or another file that is part of the answer: its content or its URL. */
  | { readonly type: 'file'; readonly file: RunFile }
  | {
      readonly type: 'tool-call';
      readonly id: string;
      readonly name: string;
      readonly arguments: PlainRecord;
    }
  | { readonly type: 'tool-result'; readonly id: string; readonly result: string; readonly failed?: boolean }
  /** A model is asked. Tool calls, text and usage up to the next one are the answer to this request. */
  | { readonly type: 'model-request-started' }
  /** The model has answered; its usage is added to the run's usage. */
  | ({ readonly type: 'model-request-completed' } & ModelRequestMetrics)
  /** The usage of an engine that does not report its requests. */
  | ({ readonly type: 'usage' } & EngineUsage)
  /** The parsed answer, if structured output was asked for. Its text must have been reported as `text`. */
  | { readonly type: 'data'; readonly data: unknown };

/** Tokens that a call of a model has used. Several calls add up. */
export type EngineUsage = RunUsage;

/** A tool that an engine's model may call, as lists of components show it. */
export interface ToolDescription {
  readonly name: string;
  readonly description?: string;
  /** JSON Schema of its arguments. */
  readonly parameters: PlainRecord;
}

/** A whole answer, with its metrics, tool calls and metadata. */
export interface EngineOutput {
  readonly content: string;
  /** The reasoning of the model before its answer. */
  readonly reasoning?: string;
  /** The sources that the answer refers to. */
  readonly sources?: readonly RunSource[];
  /** Files that are part of the answer. */
  readonly files?: readonly RunFile[];
  /** The parsed answer, if structured output was asked for. */
  readonly data?: unknown;
  readonly metrics?: EngineUsage;
  /** Why the answer is not whole; left out if it is. */
  readonly finishReason?: FinishReason;
  /** Added to the run's metadata. */
  readonly metadata?: PlainRecord;
  readonly tools?: readonly ToolExecution[];
}

/** The values that an engine may yield or return. */
export type EngineYield = string | EngineEvent | EngineOutput;

/**
 * The port to a model or other logic: it turns messages into a stream of events. Hooks and serving are not its task.
 *
 * @example
 * ```ts
 * class Shouting extends Engine {
 *   async *stream({ input }: EngineRequest) {
 *     yield { type: 'text', text: input.toUpperCase() } as const;
 *   }
 * }
 * ```
 */
export abstract class Engine<R extends EngineRequest = EngineRequest> {
  /** The model that answers, if there is one: shown in lists, outputs and events. */
  readonly model?: ModelIdentity;

  /**
   * The tools of its model, if any.
   *
   * @param members - the members that it may delegate to if it leads a team, else empty
   */
  describeTools?(
    members: readonly ComponentIdentity[],
  ): readonly ToolDescription[] | Promise<readonly ToolDescription[]>;

  abstract stream(request: R): AsyncIterable<EngineYield>;
}

/** A function as an engine: it returns an answer, a promise of one, or an (async) generator of its pieces. */
export type EngineFunction<R extends EngineRequest = EngineRequest> = (
  request: R,
) => EngineYield | Promise<EngineYield> | AsyncIterable<EngineYield> | Iterable<EngineYield>;

/** The types that a component accepts as its engine. */
export type EngineLike<R extends EngineRequest = EngineRequest> = Engine<R> | EngineFunction<R>;
