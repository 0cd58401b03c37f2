import type { RunInput } from '../model/run-input.js';
import type { RunComponent } from './component.port.js';

/**
 * The input of a run, for what its caller has passed. A copy: what was passed stays the caller's.
 *
 * @throws TypeError if it is neither a text nor `{ content }`
 */
export function toRunInput(input: unknown, { kind, id }: RunComponent): RunInput {
  if (typeof input === 'string') return { content: input };
  const fail = (part: string, expected: string, value: unknown): never => {
    const got = value === null ? 'null' : typeof value;
    throw new TypeError(`Expected the ${part} of ${kind} "${id}" to be ${expected}, got ${got}.`);
  };
  if (typeof input !== 'object' || input === null)
    return fail('input', 'a string or { content: string }', input);
  const { content, files } = input as Partial<RunInput>;
  if (typeof content !== 'string') return fail("input's content", 'a string', content);
  if (files === undefined) return { content };
  return Array.isArray(files) ? { content, files: [...files] } : fail("input's files", 'an array', files);
}

/**
 * The input as it stands after the pre-hooks, which is what is stored, streamed and shown: nothing of it can be changed
 * any more, files included. The objects that a caller or a hook has put into it stay as they are.
 */
export function freezeInput(input: RunInput): RunInput {
  const files: unknown = input.files;
  if (!Array.isArray(files)) return Object.freeze({ ...input });
  const frozen = files.map((file: unknown) => Object.freeze(copyFile(file)));
  return Object.freeze({ ...input, files: Object.freeze(frozen) as RunInput['files'] });
}

function copyFile(file: unknown): unknown {
  return typeof file === 'object' && file !== null ? { ...file } : file;
}
