// What happens now: machines, models in memory, what waits and why.
import { call, taskPath } from './api.js';
import { useLive, useLook } from './events.js';
import { History } from './history.js';
import { html, useState } from './html.js';
import { Action, Meter, TaskLink, Waits } from './parts.js';
import { actor, ago, between, bytes, reason } from './text.js';

/** @param {{host: import('./types').Host}} props */
function Machine({ host }) {
  const running = host.tasks.filter((each) => each.state !== 'waiting');
  return html`<section class="card">
    <h2>${host.host}</h2>
    <p class="soft">${host.workers.length === 0 ? 'No worker reports from here.' : `${host.workers.length} ${host.workers.length === 1 ? 'worker' : 'workers'}`}</p>
    <${Meter} name="CPU" percent=${host.cpu_percent} limit=${host.max_cpu_percent} />
    <${Meter} name="Memory" percent=${host.memory_percent} limit=${host.max_memory_percent} />
    ${host.gpu_percent !== null && html`<${Meter} name="GPU" percent=${host.gpu_percent} limit=${host.max_gpu_percent} />`}
    <p>${host.reason ? html`<span class="chip closed">gate closed</span> No task starts: ${reason(host.reason)}. <span class="soft">${host.detail}</span>` : html`<span class="chip open">gates open</span>`}</p>
    <h3>Slots: ${host.concurrent_tasks} of ${host.max_concurrent_tasks}</h3>
    ${running.length > 0 && html`<ul class="plain">${running.map((each) => html`<li><${TaskLink} id=${each.task_id} />
      <span class="soft"> ${actor(each.actor)}${each.model && `, ${each.model}`}, ${each.state} for ${between(each.began || each.since, null)}</span></li>`)}</ul>`}
  </section>`;
}

/** @param {{model: import('./types').CachedModel}} props */
function Loaded({ model }) {
  return html`<tr><th scope="row">${model.id}</th><td>${model.host}</td><td>${model.state.replace('_', ' ')}${model.error && html`<br /><span class="bad">${model.error}</span>`}</td>
    <td class="number">${bytes(model.memory_bytes)}</td><td class="number">${model.users}</td>
    <td>${model.expires_at ? new Date(model.expires_at).toLocaleTimeString() : ''}</td>
    <td><${Action} act=${() => call(`v1/model-cache/models/${encodeURIComponent(model.id)}`, { method: 'DELETE' })}>Remove<//></td></tr>`;
}

export function Now() {
  const live = useLive();
  const [waiting, setWaiting] = useState(/** @type {import('./types').Task[]} */ ([]));
  const [total, setTotal] = useState(0);
  useLook(async (signal) => {
    const pages = await Promise.all(['pending', 'retrying'].map((status) => call(`v1/tasks/?status=${status}&limit=20`, { signal })));
    setTotal(pages[0].total + pages[1].total);
    setWaiting(pages.flatMap((page) => page.tasks).filter((task) => task.waiting));
  }, [], { pause: 1000 });
  const models = live.cache?.models ?? [];
  return html`<h1>Now</h1>
    ${!live.usage && html`<p class="soft">Waiting for the first report …</p>`}
    <div class="cards">${live.usage?.hosts.map((host) => html`<${Machine} key=${host.host} host=${host} />`)}</div>
    <${History} />
    <h2 id="waits">What waits</h2>
    ${waiting.length === 0 ? html`<p class="soft">Nothing waits.</p>` : html`<ul class="list" aria-labelledby="waits">
      ${waiting.map((task) => html`<li key=${task.task_id} data-row><${TaskLink} id=${task.task_id} /> <span class="soft">${actor(task.actor)}, ${ago(task.created_at)}</span><br />
        <${Waits} waiting=${task.waiting} remedy /> ${task.waiting?.reason === 'paused' && task.queue && html`<${Action} act=${() => call(`v1/queues/${encodeURIComponent(task.queue ?? '')}/resume`, { method: 'POST' })}>Resume ${task.queue}<//>`}
        ${['slot', 'cpu', 'memory', 'gpu'].includes(task.waiting?.reason ?? '') && html`<a href="#/settings">Change the limits</a>`}
        <${Action} act=${() => call(`${taskPath(task.task_id)}/cancel`, { method: 'POST' })}>Cancel<//></li>`)}
    </ul>`}
    ${total > waiting.length && html`<p><a href="#/tasks?status=pending">${total} tasks wait in all</a></p>`}
    <h2>Models in memory</h2>
    ${models.length === 0 ? html`<p class="soft">No model is loaded; the next task loads what it needs.</p>` : html`<div class="scroll" tabindex="0"><table>
      <caption>${bytes(live.cache?.memory_bytes ?? 0)}${live.cache?.max_memory_bytes ? ` of ${bytes(live.cache.max_memory_bytes)}` : ''}, ${models.length} of ${live.cache?.max_size}</caption>
      <thead><tr><th>Model</th><th>Machine</th><th>State</th><th class="number">Memory</th><th class="number">Users</th><th>Leaves</th><th><span class="hidden">Actions</span></th></tr></thead>
      <tbody>${models.map((model) => html`<${Loaded} key=${model.worker_id + model.id} model=${model} />`)}</tbody></table></div>`}`;
}
