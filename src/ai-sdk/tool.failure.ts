/** What a client is told of a failed tool: its own words may say what clients must not see. */
export const TOOL_FAILED = 'The tool failed.';

/** A tool that failed, in the words that the model reads. The run goes on. */
export class ToolFailure extends Error {
  /** What a client may read. */
  readonly publicMessage: string;

  constructor(message: string, cause: unknown, isPublic: boolean) {
    super(message, { cause });
    this.name = new.target.name;
    this.publicMessage = isPublic ? message : TOOL_FAILED;
  }
}
