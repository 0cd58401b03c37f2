import type { ToolSet } from 'ai';

import type { EngineRequest, LeaderRequest } from '../components/engine.js';
import { AgentRunError } from '../errors/agent-run.error.js';
import { DELEGATE_TOOL, delegateTool } from './delegate.tool.js';

/** The tool and settings of a model that leads a team. */
export class Leadership {
  #isRouted = false;
  readonly tools: ToolSet;
  readonly #request: LeaderRequest;
  readonly #end: (error: unknown) => void;

  /** @param end - ends the run with an error */
  constructor(request: LeaderRequest, end: (error: unknown) => void) {
    this.#request = request;
    this.#end = end;
    this.tools = {
      [DELEGATE_TOOL]: delegateTool(request.members, (...task) => this.#delegate(...task)),
    };
  }

  /** A member's answer is the team's answer: the leader must not add to it. */
  get isRouted(): boolean {
    return this.#isRouted;
  }

  /** Settings of the model's calls that the options may override. */
  get settings(): { toolChoice?: 'required' } {
    // A team that routes has no answer of its own.
    return this.#request.mode === 'route' ? { toolChoice: 'required' } : {};
  }

  async #delegate(memberId: string, task: string, toolCallId: string): Promise<string> {
    const { mode, delegate } = this.#request;
    if (mode !== 'route') return delegate(memberId, task, { toolCallId });
    try {
      const answer = await delegate(memberId, task, { toolCallId });
      this.#isRouted = true;
      return answer;
    } catch (thrown) {
      // The member's answer would have been the team's answer; likewise its error is the team's error.
      if (thrown instanceof AgentRunError) this.#end(thrown);
      throw thrown;
    }
  }
}

/** Whether the engine leads a team and delegates to members; a team that broadcasts has asked them already. */
export function isLeading(request: EngineRequest): request is LeaderRequest {
  return 'delegate' in request && (request as LeaderRequest).mode !== 'broadcast';
}
