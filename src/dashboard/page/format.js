/** Texts for numbers and times. */

/** A duration, such as `12 ms`, `3.4 s` or `2 min 5 s`. */
export function duration(milliseconds) {
  if (milliseconds === undefined || milliseconds === null || Number.isNaN(milliseconds)) return '–';
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1_000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
}

/** Milliseconds between two ISO times; until now if there is no end. */
export function between(start, end) {
  return (end === undefined ? Date.now() : Date.parse(end)) - Date.parse(start);
}

/** The time of day; with the date if it is another day. */
export function time(iso) {
  const date = new Date(iso);
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? date.toLocaleTimeString() : date.toLocaleString();
}

export function count(number) {
  return (number ?? 0).toLocaleString();
}

/** A number of things, such as `1 run` or `2 runs`. */
export function counted(number, noun) {
  return `${count(number)} ${number === 1 ? noun : `${noun}s`}`;
}

export function percent(part, whole) {
  return whole > 0 ? `${Math.round((100 * part) / whole)} %` : '–';
}
