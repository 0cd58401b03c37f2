import type { Provider, Type } from '@nestjs/common';

import { agUiControllerOf } from './ag-ui/ag-ui.controller.js';
import { AgentOsGuard } from './agent-os.guard.js';
import { AnswerInterceptor } from './answer.interceptor.js';
import { ChangesResponder } from './changes.responder.js';
import { ComponentsController } from './components.controller.js';
import { ConfigController } from './config.controller.js';
import { EvaluationRunner } from './evals/evaluation.runner.js';
import { EvalRunsController } from './evals/eval-runs.controller.js';
import { chatControllerOf } from './chat/chat.controller.js';
import { BodyMemory } from './forms/body.memory.js';
import { HealthController } from './health.controller.js';
import { HomeRoute } from './home.route.js';
import { HooksController } from './hooks.controller.js';
import { InfoController } from './info.controller.js';
import { ProtocolResponder } from './protocol.responder.js';
import { RunExecutions } from './run.executions.js';
import { BackgroundRunResponder } from './runs/background-run.responder.js';
import { BackgroundRunStarter } from './runs/background-run.starter.js';
import { EventStreamOpener } from './runs/event-stream.opener.js';
import { ReplacedRuns } from './runs/replaced.runs.js';
import { ResumeResponder } from './runs/resume.responder.js';
import { runControlControllerOf } from './runs/run-control.controller.js';
import { RunFinder } from './runs/run.finder.js';
import { RunRecordings } from './runs/run.recordings.js';
import { RunResponder } from './runs/run.responder.js';
import { runsControllerOf } from './runs/runs.controller.js';
import { StreamResponder } from './runs/stream.responder.js';
import { RunPages } from './sessions/run.pages.js';
import { SessionAccess } from './sessions/session.access.js';
import { SessionController } from './sessions/session.controller.js';
import { SessionDeletion } from './sessions/session.deletion.js';
import { SessionPresenter } from './sessions/session.presenter.js';
import { SessionRunsController } from './sessions/session-runs.controller.js';
import { SettledRuns } from './settled.runs.js';
import { MetricsController } from './traces/metrics.controller.js';
import { TraceFinder } from './traces/trace.finder.js';
import { TracesController } from './traces/traces.controller.js';
import { SessionsController } from './sessions/sessions.controller.js';

const COMPONENT_KINDS = ['agent', 'team', 'workflow'] as const;

/** The routes of the AgentOS protocol. */
export const HTTP_CONTROLLERS: readonly Type[] = [
  HealthController,
  InfoController,
  ConfigController,
  ComponentsController,
  ...COMPONENT_KINDS.map(runsControllerOf),
  ...COMPONENT_KINDS.map(runControlControllerOf),
  ...COMPONENT_KINDS.map(chatControllerOf),
  ...COMPONENT_KINDS.map(agUiControllerOf),
  HooksController,
  SessionsController,
  SessionController,
  SessionRunsController,
  EvalRunsController,
  TracesController,
  MetricsController,
];

/** The providers of the routes. */
export const HTTP_PROVIDERS: readonly Provider[] = [
  AgentOsGuard,
  AnswerInterceptor,
  BackgroundRunResponder,
  BackgroundRunStarter,
  BodyMemory,
  ChangesResponder,
  EvaluationRunner,
  EventStreamOpener,
  HomeRoute,
  ProtocolResponder,
  ReplacedRuns,
  ResumeResponder,
  RunExecutions,
  RunFinder,
  RunRecordings,
  RunPages,
  RunResponder,
  SessionAccess,
  SessionDeletion,
  SessionPresenter,
  SettledRuns,
  StreamResponder,
  TraceFinder,
];
