/**
 * The events of AG-UI. Its types need the package `@ag-ui/core`, version 1; at run time nothing of it is loaded.
 *
 * @module
 */
export { toAgUiEvents } from './ag-ui.stream.js';
export type { AgUiRequest } from '../protocol/ag-ui.events.js';
export type { AgUiHook, AgUiSource } from '../protocol/ag-ui.js';
