/** Who asks, as the tests' hosts say it: `http: { userId }`. */
export function userId(request: never): string | undefined {
  return (request as { headers: Record<string, string | undefined> }).headers['x-user'];
}

/** The headers of a user's request. */
export function as(user: string): Record<string, string> {
  return { 'x-user': user };
}

/** What a user reads at this path; nobody in particular if left out. */
export async function readText(url: string, path: string, user?: string): Promise<string> {
  return (await fetch(url + path, { headers: user === undefined ? {} : as(user) })).text();
}
