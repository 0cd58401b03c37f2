import type { AgentOsExtras, ResolvedAgentOsOptions } from '../../agent-os.options.js';
import type { Component } from '../../components/component.js';
import type { ComponentRegistry } from '../../components/component.registry.js';
import { Team } from '../../components/team/team.js';
import { withoutUndefined } from '../../data/without-undefined.js';
import { DATABASE_ID, EVAL_TABLE, SESSION_TABLE } from './database.js';
import { toWireWorkflowSummary } from './wire-component.js';
import type { WireObject } from './wire-format.js';

/** The version of agno whose protocol this is. Clients read it as `agno_version` and choose their features by it. */
export const PROTOCOL_VERSION = '2.9.0';

/** The server's id, name and description. */
type Identity = Pick<ResolvedAgentOsOptions, 'id' | 'name' | 'description'>;

/** The answer of `GET /`: the server's id and the version of its API. */
export function toWireHome({ id }: Identity): WireObject {
  return { name: 'AgentOS API', id, version: '1.0.0' };
}

/** The answer of `GET /info`. */
export function toWireInfo(
  { id, name }: Identity,
  authMode: string,
  components: ComponentRegistry,
): WireObject {
  return {
    os_id: id,
    name,
    agno_version: PROTOCOL_VERSION,
    agent_count: components.list('agent').length,
    team_count: components.list('team').length,
    workflow_count: components.list('workflow').length,
    mcp: { enabled: false, path: null, oauth: null },
    auth_mode: authMode,
  };
}

/** The authentication of clients: the key, the host's guards, or none. */
export function authModeOf(
  { http: { securityKey } }: ResolvedAgentOsOptions,
  { http }: AgentOsExtras,
): string {
  if (securityKey !== undefined) return 'security_key';
  return http && http.guards && http.guards.length > 0 ? 'jwt' : 'none';
}

/** The answer of `GET /config`. Data that this server does not keep has no database. */
export function toWireConfig({ id, description }: Identity, components: ComponentRegistry): WireObject {
  return withoutUndefined({
    os_id: id,
    description,
    available_models: [],
    os_database: DATABASE_ID,
    databases: [DATABASE_ID],
    session: tableOf(SESSION_TABLE),
    metrics: { dbs: [] },
    memory: { dbs: [] },
    learning: { dbs: [] },
    knowledge: { dbs: [], knowledge_instances: [] },
    evals: tableOf(EVAL_TABLE),
    traces: { dbs: [] },
    agents: components.list('agent').map(summarize),
    teams: components.list('team').map(summarize),
    workflows: components.list('workflow').map(toWireWorkflowSummary),
    interfaces: [],
  });
}

/** The answer of `GET /models`: the models of the served agents and teams, each once. */
export function toWireModels(components: ComponentRegistry): WireObject[] {
  const models = [...components.list('agent'), ...components.list('team')].flatMap(
    ({ model }) => model ?? [],
  );
  return [
    ...new Map(models.map((model) => [JSON.stringify([model.id, model.provider]), model])).values(),
  ].map(({ id, provider }) => ({ id, provider }));
}

function tableOf(table: string): WireObject {
  return { dbs: [{ db_id: DATABASE_ID, domain_config: { display_name: DATABASE_ID }, tables: [table] }] };
}

function summarize(component: Component): WireObject {
  const { id, name, description, model } = component;
  return withoutUndefined({
    id,
    name,
    description,
    db_id: DATABASE_ID,
    mode: component instanceof Team ? component.mode : undefined,
    model: model && { id: model.id, provider: model.provider },
  });
}
