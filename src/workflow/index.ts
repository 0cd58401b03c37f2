/**
 * The types of the blocks of a workflow. The functions that make them, such as `step()` and `loop()`, stand in
 * `nestjs-agentos`.
 *
 * @module nestjs-agentos/workflow
 */
export type { Condition } from '../components/workflow/condition.js';
export type { Loop, LoopRequest } from '../components/workflow/loop.js';
export type { OutputSchema, SchemaIssue, SchemaVerdict } from '../components/workflow/output-schema.js';
export type { Parallel } from '../components/workflow/parallel.js';
export type { Router } from '../components/workflow/router.js';
export type { Step, StepExecutor } from '../components/workflow/step.js';
export type { StepRef } from '../components/workflow/step.request.js';
export type { StepLike } from '../components/workflow/to-nodes.js';
export type { WorkflowNode } from '../components/workflow/workflow-node.js';
