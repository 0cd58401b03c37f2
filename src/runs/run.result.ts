import type { Message } from '../model/message.js';
import type { RunOutput } from '../model/run-output.js';
import type { ActiveRun } from './active-run.js';
import { newMessage } from './conversation.js';
import {
  replaceContent,
  restoreDependencies,
  restoreMetadata,
  restoreSessionMetadata,
  restoreSessionName,
} from './given-data.js';
import { copyToKeep } from './lenient-copy.js';

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
  // In place: engines and hooks hold on to it.
  replaceContent(output.metadata, run.given.metadata);
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
    restoreMetadata(run);
    restoreDependencies(run);
  } else if (phase === 'pre') {
    // Hooks that audit a rejection read what pre-hooks have put into the context. Clients do not.
    output.metadata = copyToKeep(run.given.metadata);
  }
  if (run.isHeld || phase !== 'execution') {
    restoreSessionName(run);
    restoreSessionMetadata(run);
  }
  output.messages = phase === 'pre' ? [] : [questionOf(run)];
  run.events.discardHeld();
}

/** What an answer was made of. */
export const WORK = ['tools', 'memberResponses', 'stepResults'] as const;

/** A hook was abandoned and still holds the run's data: from here on the run has data of its own. */
export function detachData(run: ActiveRun): void {
  const metadata = copyToKeep(run.context.metadata);
  run.context = { ...run.context, metadata };
  run.output = { ...copyToKeep(run.output), metadata };
  if (run.phase === 'pre') run.input = copyToKeep(run.input);
}

function dropWork(output: RunOutput): void {
  output.messages = [];
  output.tools = [];
  output.memberResponses = [];
  output.stepResults = [];
}
