// Numbers, times and reasons as people read them. Pure.

/** @param {number} bytes */
export function bytes(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit += 1;
  }
  return `${bytes >= 10 || unit === 0 ? Math.round(bytes) : bytes.toFixed(1)} ${units[unit]}`;
}

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 0.95) return `${Math.max(0, Math.round(seconds * 1000))} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

/** @param {string | null | undefined} time RFC 3339 @param {number} [now] ms */
export function ago(time, now = Date.now()) {
  if (!time) return '';
  const seconds = (now - Date.parse(time)) / 1000;
  return seconds < 1 ? 'now' : `${duration(seconds)} ago`;
}

/** @param {string | null | undefined} from @param {string | null | undefined} to */
export function between(from, to) {
  if (!from) return '';
  return duration(((to ? Date.parse(to) : Date.now()) - Date.parse(from)) / 1000);
}

/** @param {string | null | undefined} time */
export function clock(time) {
  return time ? new Date(time).toLocaleString() : '';
}

/** @param {{low: number, high: number} | null} estimate */
export function startsIn(estimate) {
  if (!estimate) return '';
  return estimate.high < 1 ? 'starts at once' : `starts in ${duration(estimate.low)} to ${duration(estimate.high)}`;
}

/** @type {Record<string, string>} */
const kReasons = {
  slot: 'a free slot', model_lock: 'its model', cpu: 'CPU', memory: 'memory', gpu: 'the GPU', gpu_memory: 'GPU memory', paused: 'its queue (paused)',
  no_worker: 'a worker', delayed: 'its time', retry: 'its next attempt', redis: 'Redis',
};

/** @param {string} reason */
export function reason(reason) {
  return kReasons[reason] ?? reason;
}

/** @type {Record<string, string>} */
const kActors = { detect_contradiction: 'two claims', analyze_contradictions_in_articles: 'articles', generate_embeddings: 'embeddings' };

/** @param {string | null | undefined} actor */
export function actor(actor) {
  return actor ? (kActors[actor] ?? actor) : '';
}

/**
 * A text in pieces, with the roles that stand there; offsets are code points.
 * @param {string} text
 * @param {import('./types').Span[]} spans
 */
export function pieces(text, spans) {
  const points = [...text];
  const sorted = [...spans].sort((a, b) => a.begin - b.begin);
  const found = [];
  let at = 0;
  for (const span of sorted) {
    if (span.begin < at || span.end > points.length) continue;
    if (span.begin > at) found.push({ text: points.slice(at, span.begin).join(''), role: '' });
    found.push({ text: points.slice(span.begin, span.end).join(''), role: span.role });
    at = span.end;
  }
  if (at < points.length) found.push({ text: points.slice(at).join(''), role: '' });
  return found;
}
