// The server's events, for as long as the page is open: it comes back by itself, with the id of the last event.
import { send } from './api.js';
import { useEffect, useRef, useState } from './html.js';

/** @typedef {import('./types').Live} Live */
/** @typedef {import('./types').TaskChange} TaskChange */

const kFirstPause = 500; // ms; doubles
const kLongestPause = 5000;

/** @type {Live} */
let live = { connected: false, since: '', usage: null, cache: null, queues: new Map() };
/** @type {Set<() => void>} */
const watchers = new Set();
/** @type {Set<(change: TaskChange | null) => void>} */
const listeners = new Set();

/** @param {Partial<Live>} change */
function update(change) {
  live = { ...live, ...change };
  for (const each of watchers) each();
}

/** @param {TaskChange | null} change null: some were missed */
function tell(change) {
  for (const each of listeners) each(change);
}

/**
 * @param {string} event
 * @param {any} data
 */
function take(event, data) {
  if (event === 'start') {
    update({ connected: true, since: new Date().toISOString() });
    tell(null); // what is shown may be older than this connection
  } else if (event === 'usage' || event === 'cache') {
    update({ [event]: data });
  } else if (event === 'queue') {
    const queues = new Map(live.queues);
    if (data.state === 'forgotten') queues.delete(data.name);
    else queues.set(data.name, data);
    update({ queues });
  } else if (event === 'task') {
    tell(data);
  }
}

/**
 * @param {ReadableStreamDefaultReader<Uint8Array>} reader
 * @param {(id: string) => void} came
 */
async function read(reader, came) {
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += decoder.decode(value, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = new Map(block.split('\n').map((line) => /** @type {[string, string]} */ ([line.split(': ', 1)[0], line.slice(line.indexOf(': ') + 2)])));
      const event = fields.get('event');
      if (event) take(event, JSON.parse(fields.get('data') ?? 'null'));
      const id = fields.get('id');
      if (id) came(id);
    }
  }
}

/** Listens until the page is closed. */
export async function listen() {
  let last = '';
  let pause = kFirstPause;
  for (;;) {
    try {
      const response = await send('v1/events', last ? { headers: { 'Last-Event-ID': last } } : {});
      if (response.body) {
        pause = kFirstPause;
        await read(response.body.getReader(), (id) => (last = id));
      }
    } catch {
      pause = Math.min(pause * 2, kLongestPause);
    }
    update({ connected: false });
    await new Promise((over) => setTimeout(over, pause));
  }
}

/** @returns {Live} what the server told last; shown anew with each change */
export function useLive() {
  const [, again] = useState(0);
  useEffect(() => {
    const watch = () => again((n) => n + 1);
    watchers.add(watch);
    return () => void watchers.delete(watch);
  }, []);
  return live;
}

/**
 * Calls `look` at first, after changes of tasks, and after a time without any; never twice at once, nor more often than `pause`.
 * @param {(signal: AbortSignal) => Promise<void>} look
 * @param {unknown[]} inputs looked at anew where one of these is another
 * @param {{concerns?: (change: TaskChange) => boolean, pause?: number}} [options]
 */
export function useLook(look, inputs, { concerns = () => true, pause = 500 } = {}) {
  const latest = useRef(concerns); // of what is shown now
  latest.current = concerns;
  useEffect(() => {
    const stop = new AbortController();
    let wanted = true;
    let timer = 0;
    let running = false;
    const run = async () => {
      if (running || stop.signal.aborted) return;
      running = true;
      clearTimeout(timer);
      wanted = false;
      await look(stop.signal).catch(() => {});
      running = false;
      if (!stop.signal.aborted) timer = setTimeout(run, wanted ? pause : 5000);
    };
    /** @param {TaskChange | null} change */
    const hear = (change) => {
      if (change && !latest.current(change)) return;
      if (!wanted && !running) {
        clearTimeout(timer);
        timer = setTimeout(run, pause);
      }
      wanted = true;
    };
    listeners.add(hear);
    run();
    return () => {
      stop.abort();
      clearTimeout(timer);
      listeners.delete(hear);
    };
  }, inputs);
}
