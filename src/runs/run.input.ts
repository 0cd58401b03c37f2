import type { RunInput } from '../model/run-input.js';

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
