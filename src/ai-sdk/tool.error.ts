/** What the model and clients read of a tool that failed with any other error than a {@link ToolError}. */
export const TOOL_FAILED = 'The tool failed.';

/**
 * Thrown by a tool to tell the model why it failed. The model reads the message and may repeat it, so clients read it
 * too, in events and in the tools of the output. Every other error is told as "The tool failed."; its message is only
 * in the log.
 *
 * @example
 * ```ts
 * const orderStatus = tool({
 *   inputSchema: z.object({ orderId: z.string() }),
 *   execute: async ({ orderId }) => {
 *     const order = await orders.find(orderId);
 *     if (!order) throw new ToolError(`There is no order ${orderId}. Ask the user for the number on the invoice.`);
 *     return order.status;
 *   },
 * });
 * ```
 */
export class ToolError extends Error {
  /**
   * @param message - for the model and for clients
   * @param options - `cause`: what went wrong, for the log
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}
