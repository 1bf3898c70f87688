// Dead letters by what they died of, as the server groups them: the words of the reason, without its numbers.
import { call } from './api.js';
import { useLook } from './events.js';
import { html, useState } from './html.js';
import { Many } from './many.js';
import { TaskLink, Trouble } from './parts.js';
import { actor, ago } from './text.js';

/** @typedef {import('./types').ErrorGroup} ErrorGroup */

const kPath = 'v1/dead/actions';

/** All groups, from all pages. @param {AbortSignal} signal */
async function look(signal) {
  /** @type {Map<string, ErrorGroup>} */
  const groups = new Map();
  /** @type {string | null} */
  let cursor = null;
  let total = 0;
  do {
    /** @type {import('./types').ErrorGroups} */
    const page = await call(`v1/errors/dead${cursor ? `?cursor=${encodeURIComponent(cursor)}` : ''}`, { signal });
    for (const group of page.groups) {
      const known = groups.get(group.error);
      groups.set(group.error, known ? { ...known, count: known.count + group.count } : group);
    }
    total = page.total;
    cursor = page.next_cursor;
  } while (cursor);
  return { groups: [...groups.values()].sort((a, b) => b.count - a.count), total };
}

/** @param {{group: ErrorGroup, onSaid: (text: string) => void}} props */
function Group({ group, onSaid }) {
  const filter = { error: group.error };
  return html`<section class="card" data-row><h2>${group.count} × ${group.error}</h2>
    <p class="soft">${group.actors.map(actor).join(', ') || 'unreadable'} in ${group.queues.join(', ')}; last ${ago(group.newest_at)}</p>
    <details><summary>The newest in full</summary><pre tabindex="0">${group.newest_text}</pre></details>
    <p>${group.newest_task ? html`<${TaskLink} id=${group.newest_task} />` : group.newest}${group.count > 1 && html` <span class="soft">and ${group.count - 1} more</span>`}</p>
    <p class="buttons"><${Many} path=${kPath} action="replay" filter=${filter} noun="dead letter" onSaid=${onSaid}>Replay<//>
      <${Many} class="danger" path=${kPath} action="delete" filter=${filter} noun="dead letter" onSaid=${onSaid}>Delete<//></p>
  </section>`;
}

export function Dead() {
  const [found, setFound] = useState({ groups: /** @type {ErrorGroup[]} */ ([]), total: 0 });
  const [error, setError] = useState('');
  const [said, setSaid] = useState('');
  useLook(async (signal) => {
    try {
      setFound(await look(signal));
      setError('');
    } catch (thrown) {
      if (!signal.aborted) setError(/** @type {Error} */ (thrown).message);
    }
  }, [said], { pause: 2000 });
  return html`<h1>Dead letters</h1><${Trouble} error=${error} />
    <p class="soft">${found.total === 0 ? 'No message has died.' : `${found.total} messages whose retries are used up.`}</p>
    <p role="status">${said}</p>
    <div class="cards">${found.groups.map((group) => html`<${Group} key=${group.error} group=${group} onSaid=${setSaid} />`)}</div>`;
}
