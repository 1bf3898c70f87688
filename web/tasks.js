// All tasks, a page at a time, and one task with what it went through.
import { ApiError, call, taskPath } from './api.js';
import { useLive, useLook } from './events.js';
import { html, useEffect, useState } from './html.js';
import { Many } from './many.js';
import { Action, Status, TaskLink, Trouble, Waits } from './parts.js';
import { actor, ago, between, clock } from './text.js';
import { claimsOf } from './claims.js';
import { Result } from './verdict.js';

const kStatuses = ['pending', 'processing', 'retrying', 'completed', 'failed', 'cancelled'];
const kRows = 50;
const kMostCalls = 20; // of one look: a call looks through ten thousand tasks at most
/** @type {[string, string, string][]} */
const kWords = [['text', 'Find', 'in ids, arguments'], ['actor', 'Actor', 'detect_contradiction'], ['worker', 'Worker', 'host or id'], ['error', 'Error', 'its words']];
/** @type {[string, string][]} */
const kAges = [['', 'any time'], ['3600', 'the last hour'], ['86400', 'the last day'], ['604800', 'the last week']];
const kPath = 'v1/tasks/actions';

/** What the address says, as a filter of the API. @param {URLSearchParams} query */
function filterOf(query) {
  /** @type {Record<string, string>} */
  const filter = {};
  for (const [name, value] of query) if (value && name !== 'age') filter[name] = value;
  const age = Number(query.get('age'));
  if (age > 0) filter.created_after = new Date(Date.now() - age * 1000).toISOString();
  return filter;
}

/**
 * A page from `cursor` on: looks on until it is full, or so many calls were made.
 * @param {Record<string, string>} filter @param {string} cursor @param {AbortSignal} signal
 */
async function page(filter, cursor, signal) {
  /** @type {import('./types').Task[]} */
  const tasks = [];
  /** @type {import('./types').TaskPage} */
  let found;
  let next = cursor;
  let calls = 0;
  do {
    const query = new URLSearchParams({ ...filter, limit: String(kRows - tasks.length), ...(next && { cursor: next }) });
    found = await call(`v1/tasks/?${query}`, { signal });
    tasks.push(...found.tasks);
    next = found.next_cursor ?? '';
    calls += 1;
  } while (next && tasks.length < kRows && calls < kMostCalls);
  return { ...found, tasks, next };
}

/** How far that got. @param {Awaited<ReturnType<typeof page>>} shown @param {boolean} searched */
function reach(shown, searched) {
  if (!searched) return `${shown.total} ${shown.total === 1 ? 'task' : 'tasks'}`;
  const looked = shown.next ? `the newest ${shown.scanned} of ${shown.total} looked at` : `all ${shown.total} looked at`;
  const messages = shown.messages_total ? `; arguments of ${shown.messages_scanned} of ${shown.messages_total} messages` : '';
  return looked + messages;
}

/** @param {{task: import('./types').Task, selected: boolean, onSelect: (id: string) => void}} props */
function Row({ task, selected, onSelect }) {
  return html`<tr data-row><td><input type="checkbox" aria-label=${`Select ${task.task_id}`} checked=${selected} onChange=${() => onSelect(task.task_id)} /></td>
    <th scope="row"><${TaskLink} id=${task.task_id} /></th><td><${Status} status=${task.status} />${
    task.status === 'processing' && html` <span class="soft">${Math.round(task.progress)} %</span>`}</td>
    <td>${actor(task.actor)}</td><td>${task.queue}</td><td title=${clock(task.created_at)}>${ago(task.created_at)}</td>
    <td>${task.waiting ? html`<${Waits} waiting=${task.waiting} />` : html`<span class="soft cut">${task.error?.split('\n')[0]}</span>`}</td></tr>`;
}

/** @param {string[]} ids @param {(path: string) => Promise<unknown>} act one after the other: each is its own change */
async function each(ids, act) {
  /** @type {Set<string>} */
  const reasons = new Set();
  let done = 0;
  for (const id of ids) {
    try {
      await act(taskPath(id));
      done += 1;
    } catch (thrown) {
      if (!(thrown instanceof ApiError) || ![404, 409].includes(thrown.status)) throw thrown;
      reasons.add(thrown.message);
    }
  }
  return [`Done: ${done} of ${ids.length}.`, ...reasons].join(' ');
}

/**
 * What is done to those that are selected, or to all that match.
 * @param {{ids: string[], filter: Record<string, string>, onSaid: (text: string) => void}} props
 */
function Bulk({ ids, filter, onSaid }) {
  if (ids.length > 0)
    return html`<p class="buttons"><span>${ids.length} selected</span>
      <${Action} act=${() => each(ids, (path) => call(`${path}/cancel`, { method: 'POST' })).then(onSaid)}>Cancel selected<//>
      <${Action} class="danger" ask="Delete ${ids.length} for good? Those that have not ended are cancelled." act=${() => each(ids, (path) => call(path, { method: 'DELETE' })).then(onSaid)}>Delete selected<//></p>`;
  return html`<p class="buttons"><span class="soft">All that match:</span>
    <${Many} path=${kPath} action="cancel" filter=${filter} noun="task" onSaid=${onSaid}>Cancel all<//>
    <${Many} path=${kPath} action="replay" filter=${filter} noun="task" onSaid=${onSaid}>Replay all<//>
    <${Many} class="danger" path=${kPath} action="delete" filter=${filter} noun="task" onSaid=${onSaid}>Delete all<//></p>`;
}

/**
 * A text that counts when typing has ended. What is typed meanwhile stays, however often the page is drawn.
 * @param {{label: string, hint: string, value: string, onChange: (event: any) => void, list?: string, onFocus?: () => void}} props
 */
function Words({ label, hint, value, onChange, list, onFocus }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  return html`<label>${label} <input type="search" placeholder=${hint} value=${text} list=${list} onFocus=${onFocus}
    onInput=${(/** @type {any} */ event) => setText(event.target.value)} onChange=${onChange} /></label>`;
}

/** @param {{query: URLSearchParams}} props */
export function Tasks({ query }) {
  const place = query.toString();
  const filter = filterOf(query);
  const searched = Object.keys(filter).some((name) => name !== 'status');
  const live = useLive();
  const [cursors, setCursors] = useState(['']); // of the pages up to this one
  const [shown, setShown] = useState(/** @type {Awaited<ReturnType<typeof page>>} */ ({ tasks: [], next: '', scanned: 0, total: 0, next_cursor: null }));
  const [selected, setSelected] = useState(/** @type {Set<string>} */ (new Set()));
  const [error, setError] = useState('');
  const [said, setSaid] = useState('');
  const [errors, setErrors] = useState(/** @type {string[]} */ ([])); // words to choose from
  const cursor = cursors[cursors.length - 1];
  useEffect(() => {
    setCursors(['']);
    setSaid('');
  }, [place]);
  useEffect(() => setSelected(new Set()), [place, cursor]);
  useLook(async (signal) => {
    try {
      setShown(await page(filter, cursor, signal));
      setError('');
    } catch (thrown) {
      if (!signal.aborted) setError(/** @type {Error} */ (thrown).message);
    }
  }, [place, cursor, said], { concerns: (change) => cursor === '' || shown.tasks.some((task) => task.task_id === change.task_id), pause: searched ? 2000 : 500 });
  /** @param {string} name */
  const set = (name) => (/** @type {any} */ event) => {
    const next = new URLSearchParams(query);
    const value = event.target.value.trim();
    if (value) next.set(name, value);
    else next.delete(name);
    location.hash = `#/tasks${next.size > 0 ? `?${next}` : ''}`;
  };
  const offer = () => call('v1/errors/tasks').then((/** @type {import('./types').ErrorGroups} */ found) => setErrors(found.groups.map((group) => group.error)), () => {});
  /** @param {string} text */
  const say = (text) => {
    setSelected(new Set());
    setSaid(text);
  };
  /** @param {string} id */
  const toggle = (id) => {
    const next = new Set(selected);
    if (!next.delete(id)) next.add(id);
    setSelected(next);
  };
  const ids = shown.tasks.map((task) => task.task_id);
  const all = ids.length > 0 && ids.every((id) => selected.has(id));
  const [status, queue] = [query.get('status') ?? '', query.get('queue') ?? ''];
  const queues = [...live.queues.keys()].sort();
  if (queue && !queues.includes(queue)) queues.push(queue);
  return html`<h1>Tasks</h1>
    <form class="filters" role="search" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
      <label>Status <select value=${status} onChange=${set('status')}>
        <option value="">all</option>${kStatuses.map((each) => html`<option value=${each}>${each}</option>`)}</select></label>
      <label>Queue <select value=${queue} onChange=${set('queue')}>
        <option value="">all</option>${queues.map((each) => html`<option value=${each}>${each}</option>`)}</select></label>
      <label>Created <select value=${query.get('age') ?? ''} onChange=${set('age')}>
        ${kAges.map(([value, text]) => html`<option value=${value}>${text}</option>`)}</select></label>
      ${kWords.map(([name, label, hint]) => html`<${Words} key=${name} label=${label} hint=${hint} value=${query.get(name) ?? ''} onChange=${set(name)}
        list=${name === 'error' ? 'errors' : undefined} onFocus=${name === 'error' ? offer : undefined} />`)}
      <datalist id="errors">${errors.map((words) => html`<option value=${words} />`)}</datalist>
      <span class="soft" role="status">${reach(shown, searched)}</span>
    </form>
    <${Trouble} error=${error} />
    <${Bulk} ids=${ids.filter((id) => selected.has(id))} filter=${filter} onSaid=${say} />
    <p role="status" id="said">${said}</p>
    ${shown.tasks.length === 0 ? html`<p class="soft">There are no such tasks${shown.next ? ' among those; older ones may be' : ''}.</p>` : html`<div class="scroll" tabindex="0"><table>
      <caption class="hidden">Tasks, newest first</caption>
      <thead><tr><th><input type="checkbox" aria-label="Select all on this page" checked=${all} onChange=${() => setSelected(new Set(all ? [] : ids))} /></th>
        <th>Task</th><th>Status</th><th>Of</th><th>Queue</th><th>Created</th><th>Waits for, or error</th></tr></thead>
      <tbody>${shown.tasks.map((task) => html`<${Row} key=${task.task_id} task=${task} selected=${selected.has(task.task_id)} onSelect=${toggle} />`)}</tbody></table></div>`}
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
  const here = location.hash;
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
  const away = () => {
    if (location.hash === here) location.hash = '#/tasks'; // whoever went on meanwhile stays there
  };
  const ended = task && ['completed', 'failed', 'cancelled'].includes(task.status);
  const others = Object.entries(task ?? {}).filter(([name, value]) => !kKnown.has(name) && value !== null);
  return html`<h1 class="id">${id}</h1>
    <${Trouble} error=${error} />
    ${task && html`<p><${Status} status=${task.status} /> ${task.status === 'processing' && html`${Math.round(task.progress)} % `}${task.waiting && html`<${Waits} waiting=${task.waiting} remedy />`}</p>
      <p class="buttons">${!ended && html`<${Action} act=${() => call(`${taskPath(id)}/cancel`, { method: 'POST' })}>Cancel<//>`}
        <${Action} class="danger" ask="Delete this task? Its record and result are gone for good${ended ? '' : ', and it is cancelled'}."
          act=${() => call(taskPath(id), { method: 'DELETE' })} onDone=${away}>Delete<//></p>
      ${ended && task.status !== 'cancelled' && html`<h2>Result</h2><${Result} task=${task} claims=${claimsOf(id)} />`}
      <dl class="fields"><dt>of</dt><dd>${task.actor}</dd><dt>queue</dt><dd>${task.queue}</dd><dt>created</dt><dd>${clock(task.created_at)}</dd>
        <dt>last change</dt><dd>${clock(task.updated_at)}</dd><dt>attempt</dt><dd>${task.attempt}</dd>
        ${others.map(([name, value]) => html`<dt>${name}</dt><dd>${typeof value === 'string' ? value : JSON.stringify(value)}</dd>`)}</dl>
      <h2>What it went through</h2><div class="cards"><${History} timeline=${timeline} error=${task.error} /></div>`}`;
}
