import type { Schemas } from '../open-api.types.js';
import {
  emptyList,
  flag,
  integer,
  listOf,
  nullable,
  object,
  oneOfTexts,
  record,
  ref,
  text,
  time,
  type Fields,
} from '../schema.builders.js';
import { TEAM_MODE } from './component.schemas.js';

const SUMMARY: Fields = {
  required: { id: text(), name: text(), db_id: text() },
  optional: { description: text(), model: ref('Model') },
};

export const configSchemas: Schemas = {
  Home: object('Who is there.', {
    required: { name: text(), id: text(), version: text('Of the API.') },
  }),
  Health: object('The server answers.', {
    required: { status: oneOfTexts(['ok']), instantiated_at: time('When it was started.') },
  }),
  Info: object('Who the server is, how much it serves, and what a client has to bring.', {
    required: {
      os_id: text(),
      name: text(),
      agno_version: text('The version of agno whose protocol this is.'),
      agent_count: integer(),
      team_count: integer(),
      workflow_count: integer(),
      mcp: object('Not served.', {
        required: { enabled: flag(), path: nullable(text()), oauth: nullable(record()) },
      }),
      auth_mode: oneOfTexts(['none', 'security_key', 'jwt'], 'What a client has to bring.'),
    },
  }),
  Model: object('A model.', {
    required: { id: text('The model, as its provider calls it.'), provider: text() },
  }),
  Config: object('The components, and where sessions and evaluations are kept.', {
    required: {
      os_id: text(),
      available_models: emptyList(),
      os_database: text(),
      databases: listOf(text()),
      session: ref('Domain'),
      metrics: ref('Domain'),
      memory: ref('Domain'),
      learning: ref('Domain'),
      knowledge: ref('KnowledgeDomain'),
      evals: ref('Domain'),
      traces: ref('Domain'),
      agents: listOf(ref('AgentSummary')),
      teams: listOf(ref('TeamSummary')),
      workflows: listOf(ref('WorkflowSummary')),
      interfaces: emptyList(),
    },
    optional: { description: text() },
  }),
  Domain: object('Where something is kept; no database if it is not kept.', {
    required: { dbs: listOf(ref('Database')) },
  }),
  KnowledgeDomain: object('Where knowledge is kept: nowhere.', {
    required: { dbs: listOf(ref('Database')), knowledge_instances: emptyList() },
  }),
  Database: object('A database, as clients are told of it.', {
    required: {
      db_id: text(),
      domain_config: object('For people.', { required: { display_name: text() } }),
      tables: listOf(text()),
    },
  }),
  AgentSummary: object('An agent, in short.', SUMMARY),
  TeamSummary: object('A team, in short.', SUMMARY, { optional: { mode: TEAM_MODE } }),
};
