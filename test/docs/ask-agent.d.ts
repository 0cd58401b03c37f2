/** An event of the protocol. Its other fields depend on its name. */
export interface AgentOsEvent {
  readonly event: string;
  readonly content?: string;
}

/** Asks an agent and hands over the events of its run as they come. */
export declare function askAgent(
  url: string,
  message: string,
  onEvent: (event: AgentOsEvent) => void,
): Promise<void>;
