/** After the last spec. */
export default async function stopServers() {
  await globalThis.postgresOfTests?.stop();
}
