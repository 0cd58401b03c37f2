export { createAgentOsDocument, type AgentOsDocumentOptions } from './agent-os.document.js';
