// The one place where requests leave. A session's cookie goes with them, which no script sees: a key is shown once, and kept nowhere.

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

/**
 * @param {string} path relative to the page, so that a path prefix of a proxy stays
 * @param {RequestInit} [options]
 * @returns {Promise<Response>} of a request that succeeded
 */
export async function send(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
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

/** @param {string} key shown this once; the answer sets the cookie of a session @returns {Promise<void>} */
export async function signIn(key) {
  await send('v1/session', { method: 'POST', headers: { Authorization: `Bearer ${key}` } });
}

/** Ends the session, and forgets what this tab knows. */
export async function signOut() {
  await send('v1/session', { method: 'DELETE' });
  sessionStorage.clear();
}

/** @param {string} id @returns {string} the path of a task */
export function taskPath(id) {
  return `v1/tasks/${encodeURIComponent(id)}`;
}
