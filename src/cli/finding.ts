/** What a check has found. `note`: it may be intended. */
export interface Finding {
  readonly level: 'ok' | 'note' | 'wrong';
  readonly text: string;
}

export function ok(text: string): Finding {
  return { level: 'ok', text };
}

export function note(text: string): Finding {
  return { level: 'note', text };
}

export function wrong(text: string): Finding {
  return { level: 'wrong', text };
}
