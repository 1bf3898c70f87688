// What is done to all that match: counted first, asked, then done to as many.
import { call } from './api.js';
import { html, useState } from './html.js';
import { Ask, Trouble } from './parts.js';

/** @typedef {import('./types').Many} ManyDone */
/** @typedef {Record<string, string>} Filter */

/**
 * One kind of calls to the end.
 * @param {string} path @param {string} action @param {Filter} filter empty: every one
 * @param {number | null} expected null: only counts them
 * @returns {Promise<ManyDone>} their sum
 */
export async function changeAll(path, action, filter, expected) {
  const which = Object.keys(filter).length > 0 ? { filter } : { all: true };
  /** @type {ManyDone | null} */
  let sum = null;
  /** @type {string | null} */
  let cursor = null;
  do {
    const left = expected === null ? {} : { expected: expected - (sum?.matched ?? 0) };
    /** @type {{data: ManyDone}} */
    const { data } = await call(path, { method: 'POST', body: { action, ...which, dry_run: expected === null, ...left, ...(cursor && { cursor }) } });
    if (sum) {
      data.at = sum.at;
      data.matched += sum.matched;
      data.done += sum.done;
      data.skipped = [...sum.skipped, ...data.skipped];
      data.failed = [...sum.failed, ...data.failed];
    }
    sum = data;
    cursor = data.next_cursor;
  } while (cursor && (expected === null || sum.matched < expected));
  return sum;
}

/** @param {number} count @param {string} noun */
function some(count, noun) {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** @param {ManyDone} sum @param {string} noun */
export function saidOf(sum, noun) {
  const others = [...sum.skipped, ...sum.failed].map((each) => `${each.count}: ${each.reason}`);
  return [`Done: ${sum.done} of ${some(sum.matched, noun)}.`, ...others].join(' ');
}

/**
 * A button that counts, asks and acts. `noun`: "task". Tasks that came after they were counted are not meant.
 * @param {{path: string, action: string, filter: Filter, noun: string, children: any, class?: string, onSaid: (text: string) => void}} props
 */
export function Many({ path, action, filter, noun, children, class: kind = '', onSaid }) {
  const [busy, setBusy] = useState(false);
  const [counted, setCounted] = useState(/** @type {ManyDone | null} */ (null));
  const [error, setError] = useState('');
  /** @param {() => Promise<void>} work */
  const run = async (work) => {
    setBusy(true);
    setError('');
    try {
      await work();
    } catch (thrown) {
      setError(/** @type {Error} */ (thrown).message);
    }
    setBusy(false);
  };
  const count = () => run(async () => {
    const found = await changeAll(path, action, filter, null);
    if (found.matched === 0) onSaid(`No ${noun} matches.`);
    else setCounted(found);
  });
  const act = () => run(async () => {
    const found = /** @type {ManyDone} */ (counted);
    setCounted(null);
    const meant = noun === 'task' && !filter.created_before ? { ...filter, created_before: found.at } : filter;
    onSaid(saidOf(await changeAll(path, action, meant, found.matched), noun));
  });
  const them = counted?.matched === 1 ? 'it' : 'them';
  return html`<span class="action"><button class=${kind} disabled=${busy} onClick=${count}>${children}</button>
    ${counted && html`<${Ask} question=${`${some(counted.matched, noun)} ${counted.matched === 1 ? 'matches' : 'match'}: ${action} ${them}${action === 'delete' ? ' for good' : ''}?`}
      yes=${children} onYes=${act} onNo=${() => setCounted(null)} />`}
    <${Trouble} error=${error} /></span>`;
}
