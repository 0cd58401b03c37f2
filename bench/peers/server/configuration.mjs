/**
 * What the server of a peer serves, from its only argument: an agent with so many background hooks of a kind, an agent without
 * hooks, a team of so many members and a workflow of so many steps. An answer takes so many bytes and comes in so many
 * tokens. With `memory`, garbage is collected before the memory in use is told.
 */
export const configuration = JSON.parse(process.argv[2]);
