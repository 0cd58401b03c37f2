/** The message for the model and clients if a tool fails with an error that is not a {@link ToolError}. */
export const TOOL_FAILED = 'The tool failed.';

/**
 * Thrown by a tool to tell the model why it failed. The model may repeat the message, so clients read it too, in
 * events and in the tools of the output. Every other error is reported as "The tool failed."; its message is only in
 * the log.
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
   * @param options - `cause`: the underlying error, for the log
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}
