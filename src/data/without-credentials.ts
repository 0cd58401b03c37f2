/** The text, with `***` in place of the user and password of URLs: for messages about connections. */
export function withoutCredentials(text: string): string {
  const [before = '', ...urls] = text.split('://');
  return [before, ...urls.map(hideCredentials)].join('://');
}

/** @param url - from behind its `://`, and the text behind it */
function hideCredentials(url: string): string {
  const end = url.search(/[\s"'<>]/);
  // The last one: a password may hold another.
  const at = url.lastIndexOf('@', end < 0 ? url.length : end);
  return at > 0 && url.slice(0, at).includes(':') ? `***${url.slice(at)}` : url;
}
