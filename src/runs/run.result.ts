import { PlainDataError } from '../errors/plain-data.error.js';
import { copyPlainData } from '../execution/copy-plain-data.js';
import type { Message } from '../model/message.js';
import type { RunOutput } from '../model/run-output.js';
import type { ActiveRun } from './active-run.js';
import { newMessage } from './conversation.js';

/** The conversation of the run, as it now stands; without its rounds if they no longer fit the answer. */
export function writeMessages(run: ActiveRun, rounds: readonly Message[] = []): void {
  const { output } = run;
  const answer: Message = { ...newMessage(), role: 'assistant', content: output.content };
  output.messages = [questionOf(run), ...(rounds.length > 0 ? rounds : [answer])];
}

function questionOf({ input, createdAt }: ActiveRun): Message {
  return { ...newMessage(), role: 'user', content: input.content, createdAt };
}

/** A failed attempt is repeated: nothing of it counts. */
export function resetOutput(run: ActiveRun): void {
  const { output, children } = run;
  run.events.withdrawShown();
  children.length = 0;
  Object.assign(output, { content: '', metrics: {} });
  restoreMetadata(run);
  delete output.data;
  dropWork(output);
}

/**
 * The run did not complete: what a guardrail has refused, or has not seen, leaves the output, and so does an answer
 * that is not one.
 *
 * @param shown - stands in place of the answer; left out, a partial answer stays, unless a guardrail was to see it
 */
export function withdrawContent(run: ActiveRun, shown: string | undefined): void {
  const { output, phase } = run;
  delete output.data;
  if (shown !== undefined) output.content = shown;
  else if (run.isHeld) output.content = '';
  if (run.isHeld || phase === 'post') {
    dropWork(output);
    output.metadata = { ...run.givenMetadata };
  }
  output.messages = phase === 'pre' ? [] : [questionOf(run)];
  run.events.discardHeld();
}

/** In place: engines and hooks hold on to it. */
function restoreMetadata({ output: { metadata }, givenMetadata }: ActiveRun): void {
  for (const key of Object.keys(metadata)) delete metadata[key];
  Object.assign(metadata, copyIfPlain(givenMetadata, 'metadata'));
}

/** What an answer was made of. */
export const WORK = ['tools', 'memberResponses', 'stepResults'] as const;

/** A hook was abandoned and still holds the run's data: from here on the run has data of its own. */
export function detachData(run: ActiveRun): void {
  const metadata = copyIfPlain(run.context.metadata, 'metadata');
  run.context = { ...run.context, metadata };
  run.output = { ...copyIfPlain(run.output, 'output'), metadata };
  if (run.phase === 'pre') run.input = { ...run.input };
}

/** What cannot be copied stays what it is; background hooks will be told. */
export function copyIfPlain<T>(value: T, name: string): T {
  try {
    return copyPlainData(value, name);
  } catch (thrown) {
    if (thrown instanceof PlainDataError) return value;
    throw thrown;
  }
}

function dropWork(output: RunOutput): void {
  output.messages = [];
  output.tools = [];
  output.memberResponses = [];
  output.stepResults = [];
}
