/** What agno's client makes of a stream. */
export interface ClientEvents {
  readonly events: Record<string, unknown>[];
  /** Lines that it would log and skip. */
  readonly skipped: string[];
}

/** Every name that the client has a class for. */
const NAMES = new Set(
  [
    'RunStarted RunContent RunIntermediateContent RunContentCompleted RunCompleted RunError RunCancelled RunPaused',
    'RunContinued PreHookStarted PreHookCompleted PostHookStarted PostHookCompleted ToolCallStarted ToolCallCompleted',
    'ToolCallError ModelRequestStarted ModelRequestCompleted',
  ]
    .join(' ')
    .split(' ')
    .flatMap((name) => [name, `Team${name}`])
    .concat(
      [
        'WorkflowStarted WorkflowCompleted WorkflowCancelled WorkflowError StepStarted StepCompleted StepOutput StepError',
        'LoopExecutionStarted LoopIterationStarted LoopIterationCompleted LoopExecutionCompleted',
        'ParallelExecutionStarted ParallelExecutionCompleted ConditionExecutionStarted ConditionExecutionCompleted',
        'RouterExecutionStarted RouterExecutionCompleted',
      ]
        .join(' ')
        .split(' '),
    ),
);

/** What Python takes for the end of a line. */
const LINE_END = new RegExp(
  ['\r\n', '\n', '\r', '\v', '\f', '\x1c', '\x1d', '\x1e', '\u0085', '\u2028', '\u2029'].join('|'),
);

/** Reads a stream as AgentOSClient does: lines that begin with `data: ` and hold a whole event, and nothing else. */
export function readAsClient(body: string): ClientEvents {
  const read: ClientEvents = { events: [], skipped: [] };
  // Its HTTP library takes for the end of a line what Python does.
  for (const line of body.split(LINE_END)) {
    if (line === '' || line.startsWith(':') || !line.startsWith('data: ')) continue;
    const event = parse(line.slice('data: '.length));
    if (event && NAMES.has(String(event['event']))) read.events.push(event);
    else read.skipped.push(line);
  }
  return read;
}

function parse(json: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(json) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
