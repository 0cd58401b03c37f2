import { z } from 'zod';

import type { Component } from '../components/component.js';
import type { ComponentRegistry } from '../components/component.registry.js';
import { Team } from '../components/team/team.js';
import { toWireWorkflowSummary, WireTeamMode, WireWorkflowSummary } from './components.js';
import { DATABASE_ID, EVAL_TABLE, RUN_TABLE, SESSION_TABLE } from './database.js';
import { emptyList, isoTime, jsonObject, named } from './schema.js';

/** The version of agno whose protocol this is. Clients read it as `agno_version` and choose their features by it. */
export const PROTOCOL_VERSION = '2.9.0';

/** The version of the routes. It changes when an existing client would no longer work. */
const API_VERSION = '1.0.0';

/** The server's id, name and description. */
export interface ServerIdentity {
  readonly id: string;
  readonly name: string;
  readonly description?: string | undefined;
}

/** The answer of `GET /`. */
export const WireHome = named(
  'Home',
  'The server.',
  z.object({
    name: z.string(),
    id: z.string(),
    version: z.string().describe('The version of the API.'),
    dashboard: z
      .string()
      .optional()
      .describe('The path of the page that shows runs and hooks, if it is served.'),
  }),
);
type WireHome = z.infer<typeof WireHome>;

/** The answer of `GET /health`. */
export const WireHealth = named(
  'Health',
  'The server is up.',
  z.object({ status: z.enum(['ok']), instantiated_at: isoTime('The start of the server.') }),
);
export type WireHealth = z.infer<typeof WireHealth>;

/** The answer of `GET /info`. */
export const WireInfo = named(
  'Info',
  'The server, the number of its components, and its authentication.',
  z.object({
    os_id: z.string(),
    name: z.string(),
    os_version: z.string().describe('The version of the API.'),
    agno_version: z.string().describe('The version of agno whose protocol this is.'),
    agent_count: z.int(),
    team_count: z.int(),
    workflow_count: z.int(),
    mcp: z
      .object({
        enabled: z.boolean(),
        path: z.string().nullable(),
        oauth: jsonObject().nullable(),
        tool_run_endpoint: z.boolean(),
      })
      .describe('Not served.'),
    auth_mode: z
      .enum(['none', 'security_key', 'jwt'])
      .describe('The authentication of clients: none, the security key, or the guards of the application.'),
    user_isolation: z
      .boolean()
      .describe(
        'Whether the server identifies the user of a request and shows only the data of this user. If not, clients ' +
          'name the user themselves, as `user_id`.',
      ),
  }),
);
export type WireInfo = z.infer<typeof WireInfo>;

/** The model of a component. */
export const WireModel = named(
  'Model',
  'A model.',
  z.object({ id: z.string().describe("The provider's name for the model."), provider: z.string() }),
);
type WireModel = z.infer<typeof WireModel>;

const Database = named(
  'Database',
  'A database.',
  z.object({
    db_id: z.string(),
    domain_config: z.object({ display_name: z.string() }).describe('Texts for people.'),
    tables: z.array(z.string()),
  }),
);
const Domain = named(
  'Domain',
  'The databases of one kind of data; none if the server does not store it.',
  z.object({ dbs: z.array(Database) }),
);
type WireDomain = z.infer<typeof Domain>;

const KnowledgeDomain = named(
  'KnowledgeDomain',
  'The databases of knowledge: none.',
  z.object({ dbs: z.array(Database), knowledge_instances: emptyList() }),
);

/** No component runs in a sandbox. */
const SANDBOX = { sandboxed: false };
const SandboxFields = { sandboxed: z.boolean().describe('Always false: components run in this process.') };

const SummaryFields = z.object({
  id: z.string(),
  name: z.string(),
  db_id: z.string(),
  description: z.string().optional(),
  model: WireModel.optional(),
  ...SandboxFields,
});
const AgentSummary = named('AgentSummary', 'An agent without its tools and settings.', SummaryFields);
const TeamSummary = named(
  'TeamSummary',
  'A team without its members, tools and settings.',
  SummaryFields.extend({ mode: WireTeamMode }),
);

const ConfiguredWorkflow = named(
  'ConfiguredWorkflow',
  'A workflow, without its steps, in the configuration.',
  WireWorkflowSummary.extend(SandboxFields),
);

/** The answer of `GET /config`. */
export const WireConfig = named(
  'Config',
  'The components, and the databases of sessions and evaluations.',
  z.object({
    os_id: z.string(),
    description: z.string().optional(),
    available_models: emptyList().describe('Always empty: `GET /models` lists them.'),
    os_database: z.string(),
    databases: z.array(z.string()),
    session: Domain,
    metrics: Domain,
    memory: Domain,
    learning: Domain,
    filesystem: z.object({ namespaces: emptyList() }).describe('Not served.'),
    knowledge: KnowledgeDomain,
    evals: Domain,
    traces: Domain,
    queue: z
      .object({ durable: z.boolean(), queue_per_session: z.boolean() })
      .describe('The queue of background runs: there is none. Background hooks have their own.'),
    agents: z.array(AgentSummary),
    teams: z.array(TeamSummary),
    workflows: z.array(ConfiguredWorkflow),
    interfaces: emptyList(),
    company: z.null().describe('Not served: a front end hides its page.'),
  }),
);
type WireConfig = z.infer<typeof WireConfig>;

/** The answer of `GET /`: the server's id and the version of its API. */
export function toWireHome({ id }: ServerIdentity, dashboard: string | undefined): WireHome {
  return { name: 'AgentOS API', id, version: API_VERSION, dashboard };
}

/** How a server identifies its clients. */
export type Authentication = Pick<WireInfo, 'auth_mode' | 'user_isolation'>;

/** The answer of `GET /info`. */
export function toWireInfo(
  { id, name }: ServerIdentity,
  authentication: Authentication,
  components: ComponentRegistry,
): WireInfo {
  return {
    os_id: id,
    name,
    os_version: API_VERSION,
    agno_version: PROTOCOL_VERSION,
    agent_count: components.list('agent').length,
    team_count: components.list('team').length,
    workflow_count: components.list('workflow').length,
    mcp: { enabled: false, path: null, oauth: null, tool_run_endpoint: false },
    ...authentication,
  };
}

/**
 * The answer of `GET /config`. Data that this server does not keep has no database. `available_models` is empty: clients
 * of agno 2 read names in it, those of agno 3 objects, and both refuse the other.
 */
export function toWireConfig({ id, description }: ServerIdentity, components: ComponentRegistry): WireConfig {
  return {
    os_id: id,
    description,
    available_models: [],
    os_database: DATABASE_ID,
    databases: [DATABASE_ID],
    session: domainOf(SESSION_TABLE),
    metrics: domainOf(RUN_TABLE),
    memory: { dbs: [] },
    learning: { dbs: [] },
    filesystem: { namespaces: [] },
    knowledge: { dbs: [], knowledge_instances: [] },
    evals: domainOf(EVAL_TABLE),
    traces: domainOf(RUN_TABLE),
    queue: { durable: false, queue_per_session: false },
    agents: components.list('agent').map(toSummary),
    teams: components.list('team').map(toSummary),
    workflows: components
      .list('workflow')
      .map((workflow) => ({ ...toWireWorkflowSummary(workflow), ...SANDBOX })),
    interfaces: [],
    company: null,
  };
}

/** The answer of `GET /models`: the models of the served agents and teams, each once. */
export function toWireModels(components: ComponentRegistry): WireModel[] {
  const models = [...components.list('agent'), ...components.list('team')].flatMap(
    ({ model }) => model ?? [],
  );
  return [
    ...new Map(models.map((model) => [JSON.stringify([model.id, model.provider]), model])).values(),
  ].map(({ id, provider }) => ({ id, provider }));
}

function domainOf(table: string): WireDomain {
  return { dbs: [{ db_id: DATABASE_ID, domain_config: { display_name: DATABASE_ID }, tables: [table] }] };
}

function toSummary(component: Component): z.infer<typeof TeamSummary> {
  const { id, name, description, model } = component;
  return {
    id,
    name,
    description,
    db_id: DATABASE_ID,
    mode: component instanceof Team ? component.mode : undefined,
    model: model && { id: model.id, provider: model.provider },
    ...SANDBOX,
  };
}
