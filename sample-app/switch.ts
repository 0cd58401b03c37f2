/** Whether hooks whose decorator sets no mode run in the background. */
export function isSwitchOn(): boolean {
  return process.env['RUN_HOOKS_IN_BACKGROUND'] === 'true';
}
