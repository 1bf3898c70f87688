// The one place where requests leave, and where a key goes with them.

const kKey = 'medsynth.key';

/** What the server answered instead, or that it did not. */
export class ApiError extends Error {
  /**
   * @param {number} status 0: no answer
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** @type {() => void} */
let askForKey = () => {};

/** @param {() => void} ask is called where the server wants a key */
export function onKeyWanted(ask) {
  askForKey = ask;
}

/** @param {string} key kept until this tab is closed */
export function setKey(key) {
  sessionStorage.setItem(kKey, key);
}

/** @returns {Record<string, string>} */
function keyHeaders() {
  const key = sessionStorage.getItem(kKey);
  return key ? { Authorization: `Bearer ${key}` } : {};
}

/**
 * @param {string} path relative to the page, so that a path prefix of a proxy stays
 * @param {RequestInit} [options]
 * @returns {Promise<Response>} of a request that succeeded
 */
export async function send(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { ...options, headers: { ...options.headers, ...keyHeaders() } });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(0, 'The server does not answer. Is "medsynth serve" running?');
  }
  if (response.ok) return response;
  if (response.status === 401) askForKey();
  const problem = await response.json().catch(() => ({}));
  const faults = (problem.errors ?? []).map((/** @type {{pointer: string, detail: string}} */ each) => `${each.pointer} ${each.detail}`);
  throw new ApiError(response.status, [problem.detail ?? `The server answered ${response.status}.`, ...faults].join(' '));
}

/**
 * @param {string} path
 * @param {{method?: string, body?: unknown, signal?: AbortSignal}} [options]
 * @returns {Promise<any>}
 */
export async function call(path, { method = 'GET', body, signal } = {}) {
  const json = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } };
  return (await send(path, { method, signal, ...json })).json();
}

/** @param {string} id @returns {string} the path of a task */
export function taskPath(id) {
  return `v1/tasks/${encodeURIComponent(id)}`;
}
