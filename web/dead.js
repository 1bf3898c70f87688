// Dead letters by what they died of: the words of the reason, without its numbers.
import { call } from './api.js';
import { useLook } from './events.js';
import { html, useState } from './html.js';
import { Action, TaskLink, Trouble } from './parts.js';
import { actor, ago, cause } from './text.js';

/** @typedef {import('./types').DeadLetter} DeadLetter */

/** @param {DeadLetter[]} letters @param {(letter: DeadLetter) => Promise<unknown>} act one after the other: each is its own change */
async function each(letters, act) {
  for (const letter of letters) await act(letter);
}

/** @param {DeadLetter} letter */
function path(letter) {
  return `v1/dead/${encodeURIComponent(letter.id)}`;
}

/** @param {{words: string, letters: DeadLetter[]}} props */
function Group({ words, letters }) {
  const first = letters[0];
  const count = letters.length === 1 ? 'this letter' : `these ${letters.length} letters`;
  return html`<section class="card" data-row><h2>${letters.length} × ${words}</h2>
    <p class="soft">${[...new Set(letters.map((letter) => `${actor(letter.actor) || 'unreadable'} in ${letter.queue}`))].join(', ')}; last ${ago(first.died_at)}</p>
    <details><summary>The newest in full</summary><pre tabindex="0">${first.reason}</pre></details>
    <ul class="plain">${letters.slice(0, 5).map((letter) => html`<li>${letter.task_id ? html`<${TaskLink} id=${letter.task_id} />` : letter.id}</li>`)}
      ${letters.length > 5 && html`<li class="soft">and ${letters.length - 5} more</li>`}</ul>
    <p class="buttons"><${Action} act=${() => each(letters.filter((letter) => letter.decodable), (letter) => call(`${path(letter)}/replay?queue=${encodeURIComponent(letter.queue)}`, { method: 'POST' }))}>Replay<//>
      <${Action} class="danger" ask="Delete ${count} for good?" act=${() => each(letters, (letter) => call(`${path(letter)}?queue=${encodeURIComponent(letter.queue)}`, { method: 'DELETE' }))}>Delete<//></p>
  </section>`;
}

export function Dead() {
  const [page, setPage] = useState(/** @type {import('./types').DeadPage} */ ({ letters: [], total: 0, next_cursor: null }));
  const [error, setError] = useState('');
  useLook(async (signal) => {
    try {
      setPage(await call('v1/dead/?limit=1000', { signal }));
      setError('');
    } catch (thrown) {
      if (!signal.aborted) setError(/** @type {Error} */ (thrown).message);
    }
  }, []);
  /** @type {Map<string, DeadLetter[]>} */
  const groups = new Map();
  for (const letter of page.letters) {
    const words = cause(letter.reason);
    groups.set(words, [...(groups.get(words) ?? []), letter]);
  }
  const sorted = [...groups].sort((a, b) => b[1].length - a[1].length);
  return html`<h1>Dead letters</h1><${Trouble} error=${error} />
    <p class="soft">${page.total === 0 ? 'No message has died.' : `${page.total} messages whose retries are used up${page.total > page.letters.length ? `, the newest ${page.letters.length} shown` : ''}.`}</p>
    <div class="cards">${sorted.map(([words, letters]) => html`<${Group} key=${words} words=${words} letters=${letters} />`)}</div>`;
}
