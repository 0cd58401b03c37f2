/** An event of the protocol. Its other fields depend on `event`. */
export interface AgentOsEvent {
  readonly event: string;
  readonly content?: string;
}

/** Runs an agent and calls `onEvent` for each event of its run. */
export declare function askAgent(
  url: string,
  message: string,
  onEvent: (event: AgentOsEvent) => void,
): Promise<void>;
