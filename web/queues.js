import { call } from './api.js';
import { useLive } from './events.js';
import { html } from './html.js';
import { Action } from './parts.js';

/** @param {{queue: import('./types').Queue}} props */
function Row({ queue }) {
  const path = `v1/queues/${encodeURIComponent(queue.name)}`;
  const paused = queue.state === 'paused';
  return html`<tr data-row><th scope="row"><a href=${`#/tasks?queue=${encodeURIComponent(queue.name)}`}>${queue.name}</a></th>
    <td><span class=${`chip ${paused ? 'closed' : 'open'}`}>${queue.state}</span></td>
    <td class="number">${queue.ready}</td><td class="number">${queue.delayed}</td><td class="number">${queue.running}</td>
    <td class="number">${queue.dead > 0 ? html`<a href="#/dead">${queue.dead}</a>` : 0}</td><td class="number">${queue.workers}</td>
    <td class="buttons"><${Action} act=${() => call(`${path}/${paused ? 'resume' : 'pause'}`, { method: 'POST' })}>${paused ? 'Resume' : 'Pause'}<//>
      ${queue.ready + queue.delayed > 0 && html`<${Action} class="danger" act=${() => call(`${path}/messages`, { method: 'DELETE' })}
        ask="Throw away what waits in ${queue.name}? ${queue.ready + queue.delayed} messages are gone for good, and their tasks are cancelled.">Empty<//>`}</td></tr>`;
}

export function Queues() {
  const { queues } = useLive();
  return html`<h1>Queues</h1>
    ${queues.size === 0 ? html`<p class="soft">No queue is known yet.</p>` : html`<div class="scroll" tabindex="0"><table>
      <caption class="hidden">Queues with what is in them</caption>
      <thead><tr><th>Queue</th><th>State</th><th class="number">Ready</th><th class="number">Delayed</th><th class="number">Running</th><th class="number">Dead</th>
        <th class="number">Workers</th><th><span class="hidden">Actions</span></th></tr></thead>
      <tbody>${[...queues.values()].map((queue) => html`<${Row} key=${queue.name} queue=${queue} />`)}</tbody></table></div>`}`;
}
