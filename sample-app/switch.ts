/** Whether hooks that say nothing about where they run do so in the background. */
export function isSwitchOn(): boolean {
  return process.env['RUN_HOOKS_IN_BACKGROUND'] === 'true';
}
