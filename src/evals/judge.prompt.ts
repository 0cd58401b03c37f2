import type { PostHookContext } from '../hooks/hook.context.js';
import { FencedTexts } from '../model/fenced.texts.js';

/** The instructions of a judge, besides the judged texts. */
export interface JudgeTask {
  readonly criteria: string;
  readonly guidelines?: readonly string[];
  readonly scoring: 'numeric' | 'binary';
}

const ANSWER = {
  numeric:
    '{"score": <a whole number from 1, very bad, to 10, very good>, "reason": "<one or two sentences>"}',
  binary: '{"passed": <true or false>, "reason": "<one or two sentences>"}',
} as const;

/** The task of a judge. */
export function judgePrompt(
  task: JudgeTask,
  { runInput, runOutput }: Pick<PostHookContext, 'runInput' | 'runOutput'>,
): string {
  const texts = new FencedTexts();
  const guidelines = task.guidelines ?? [];
  return [
    'Judge the answer that an assistant gave.',
    `Criteria: ${task.criteria}`,
    ...(guidelines.length > 0 ? [`Guidelines:\n${guidelines.map((line) => `- ${line}`).join('\n')}`] : []),
    texts.rule('to be judged'),
    texts.quote('question', runInput.content),
    texts.quote('answer', runOutput.content),
    `Answer with this JSON object and nothing else: ${ANSWER[task.scoring]}`,
  ].join('\n\n');
}
