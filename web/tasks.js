// All tasks, a page at a time, and one task with what it went through.
import { ApiError, call, taskPath } from './api.js';
import { useLive, useLook } from './events.js';
import { html, useEffect, useState } from './html.js';
import { Action, Status, TaskLink, Trouble, Waits } from './parts.js';
import { actor, ago, between, clock } from './text.js';
import { claimsOf } from './claims.js';
import { Result } from './verdict.js';

const kStatuses = ['pending', 'processing', 'retrying', 'completed', 'failed', 'cancelled'];
const kRows = 50;
const kLookedAt = 2000; // newest tasks, for those of one queue

/**
 * A page from `cursor` on. Those of one queue are looked for among the newest.
 * @param {string} status @param {string} queue @param {string} cursor @param {AbortSignal} signal
 */
async function page(status, queue, cursor, signal) {
  /** @type {import('./types').Task[]} */
  const tasks = [];
  let next = cursor;
  let total = 0;
  for (let looked = 0; looked === 0 || (queue && tasks.length < kRows && next && looked < kLookedAt); ) {
    const query = new URLSearchParams({ limit: String(queue ? 200 : kRows), ...(status && { status }), ...(next && { cursor: next }) });
    const found = /** @type {import('./types').TaskPage} */ (await call(`v1/tasks/?${query}`, { signal }));
    tasks.push(...found.tasks.filter((task) => !queue || task.queue === queue));
    next = found.next_cursor ?? '';
    total = found.total;
    looked += Math.max(1, found.tasks.length);
  }
  return { tasks: queue ? tasks : tasks.slice(0, kRows), next, total };
}

/** @param {{task: import('./types').Task}} props */
function Row({ task }) {
  return html`<tr data-row><th scope="row"><${TaskLink} id=${task.task_id} /></th><td><${Status} status=${task.status} />${
    task.status === 'processing' && html` <span class="soft">${Math.round(task.progress)} %</span>`}</td>
    <td>${actor(task.actor)}</td><td>${task.queue}</td><td title=${clock(task.created_at)}>${ago(task.created_at)}</td>
    <td>${task.waiting ? html`<${Waits} waiting=${task.waiting} />` : html`<span class="soft cut">${task.error?.split('\n')[0]}</span>`}</td></tr>`;
}

/** @param {{query: URLSearchParams}} props */
export function Tasks({ query }) {
  const status = query.get('status') ?? '';
  const queue = query.get('queue') ?? '';
  const live = useLive();
  const [cursors, setCursors] = useState(['']); // of the pages up to this one
  const [shown, setShown] = useState({ tasks: /** @type {import('./types').Task[]} */ ([]), next: '', total: 0 });
  const [error, setError] = useState('');
  const cursor = cursors[cursors.length - 1];
  useEffect(() => setCursors(['']), [status, queue]);
  useLook(async (signal) => {
    try {
      setShown(await page(status, queue, cursor, signal));
      setError('');
    } catch (thrown) {
      if (!signal.aborted) setError(/** @type {Error} */ (thrown).message);
    }
  }, [status, queue, cursor], { concerns: (change) => cursor === '' || shown.tasks.some((task) => task.task_id === change.task_id) });
  /** @param {string} name @param {string} value */
  const filter = (name, value) => {
    const next = new URLSearchParams(query);
    if (value) next.set(name, value);
    else next.delete(name);
    location.hash = `#/tasks${next.size > 0 ? `?${next}` : ''}`;
  };
  const queues = [...live.queues.keys()].sort();
  if (queue && !queues.includes(queue)) queues.push(queue);
  return html`<h1>Tasks</h1>
    <form class="filters" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
      <label>Status <select value=${status} onChange=${(/** @type {any} */ event) => filter('status', event.target.value)}>
        <option value="">all</option>${kStatuses.map((each) => html`<option value=${each}>${each}</option>`)}</select></label>
      <label>Queue <select value=${queue} onChange=${(/** @type {any} */ event) => filter('queue', event.target.value)}>
        <option value="">all</option>${queues.map((each) => html`<option value=${each}>${each}</option>`)}</select></label>
      <span class="soft">${queue ? `among the newest ${Math.min(kLookedAt, shown.total)}` : `${shown.total} ${shown.total === 1 ? 'task' : 'tasks'}`}</span>
    </form>
    <${Trouble} error=${error} />
    ${shown.tasks.length === 0 ? html`<p class="soft">There are no such tasks.</p>` : html`<div class="scroll" tabindex="0"><table>
      <caption class="hidden">Tasks, newest first</caption>
      <thead><tr><th>Task</th><th>Status</th><th>Of</th><th>Queue</th><th>Created</th><th>Waits for, or error</th></tr></thead>
      <tbody>${shown.tasks.map((task) => html`<${Row} key=${task.task_id} task=${task} />`)}</tbody></table></div>`}
    <p class="buttons"><button disabled=${cursors.length === 1} onClick=${() => setCursors(cursors.slice(0, -1))}>Newer</button>
      <button disabled=${!shown.next} onClick=${() => setCursors([...cursors, shown.next])}>Older</button></p>`;
}

/** @param {{timeline: import('./types').Timeline, error: string | null}} props `error`: is shown already */
function History({ timeline, error }) {
  return html`${timeline.attempts.map((attempt) => html`<section class="card"><h3>Attempt ${attempt.number}</h3>
    <p class="soft">${attempt.worker ? `worker ${attempt.worker.slice(0, 8)} on ${attempt.host}` : 'no worker has taken it'}</p>
    <ol class="phases">${attempt.phases.map((phase) => html`<li class=${phase.name}><b>${phase.name}</b> <span>${between(phase.from, phase.to)}${phase.to ? '' : ' so far'}</span>
      ${' '}<span class="soft">${phase.detail} ${clock(phase.from)}</span></li>`)}</ol>
    <${Trouble} error=${attempt.error && attempt.error !== error ? attempt.error : ''} /></section>`)}`;
}

const kKnown = new Set(['task_id', 'status', 'progress', 'created_at', 'updated_at', 'completed_at', 'failed_at', 'error', 'result', 'actor', 'queue', 'waiting', 'attempt', 'worker']);

/** @param {{id: string}} props */
export function OneTask({ id }) {
  const [task, setTask] = useState(/** @type {import('./types').Task | null} */ (null));
  const [timeline, setTimeline] = useState(/** @type {import('./types').Timeline} */ ({ attempts: [] }));
  const [error, setError] = useState('');
  useLook(async (signal) => {
    try {
      const [shown, history] = await Promise.all([call(taskPath(id), { signal }), call(`${taskPath(id)}/timeline`, { signal })]);
      setTask(shown);
      setTimeline(history);
      setError('');
    } catch (thrown) {
      if (signal.aborted) return;
      setError(/** @type {Error} */ (thrown).message);
      if (thrown instanceof ApiError && thrown.status === 404) setTask(null);
    }
  }, [id], { concerns: (change) => change.task_id === id, pause: 200 });
  const ended = task && ['completed', 'failed', 'cancelled'].includes(task.status);
  const others = Object.entries(task ?? {}).filter(([name, value]) => !kKnown.has(name) && value !== null);
  return html`<h1 class="id">${id}</h1>
    <${Trouble} error=${error} />
    ${task && html`<p><${Status} status=${task.status} /> ${task.status === 'processing' && html`${Math.round(task.progress)} % `}${task.waiting && html`<${Waits} waiting=${task.waiting} remedy />`}</p>
      <p class="buttons">${!ended && html`<${Action} act=${() => call(`${taskPath(id)}/cancel`, { method: 'POST' })}>Cancel<//>`}
        <${Action} class="danger" ask="Delete this task? Its record and result are gone for good${ended ? '' : ', and it is cancelled'}."
          act=${() => call(taskPath(id), { method: 'DELETE' })} onDone=${() => (location.hash = '#/tasks')}>Delete<//></p>
      ${ended && task.status !== 'cancelled' && html`<h2>Result</h2><${Result} task=${task} claims=${claimsOf(id)} />`}
      <dl class="fields"><dt>of</dt><dd>${task.actor}</dd><dt>queue</dt><dd>${task.queue}</dd><dt>created</dt><dd>${clock(task.created_at)}</dd>
        <dt>last change</dt><dd>${clock(task.updated_at)}</dd><dt>attempt</dt><dd>${task.attempt}</dd>
        ${others.map(([name, value]) => html`<dt>${name}</dt><dd>${typeof value === 'string' ? value : JSON.stringify(value)}</dd>`)}</dl>
      <h2>What it went through</h2><div class="cards"><${History} timeline=${timeline} error=${task.error} /></div>`}`;
}
