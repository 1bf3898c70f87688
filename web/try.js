// Two claims, or a file of references: sent, waited for, and shown as what was found.
import { ApiError, call, send, taskPath } from './api.js';
import { remember } from './claims.js';
import { html, useEffect, useState } from './html.js';
import { TaskLink, Trouble, Waits } from './parts.js';
import { Result } from './verdict.js';

/** @typedef {import('./types').Task} Task */

/** A task until it has ended. @param {{id: string, claims?: [string, string]}} props */
function Followed({ id, claims }) {
  const [task, setTask] = useState(/** @type {Task | null} */ (null));
  const [error, setError] = useState('');
  useEffect(() => {
    const stop = new AbortController();
    const follow = async () => {
      while (!stop.signal.aborted) {
        try {
          /** @type {Task} */
          const now = await call(`${taskPath(id)}?wait=2`, { signal: stop.signal });
          setTask(now);
          setError('');
          if (['completed', 'failed', 'cancelled'].includes(now.status)) return;
        } catch (thrown) {
          if (stop.signal.aborted) return;
          setError(/** @type {Error} */ (thrown).message);
          if (thrown instanceof ApiError && thrown.status === 404) return;
          await new Promise((over) => setTimeout(over, 1000)); // the server may come back
        }
      }
    };
    follow();
    return () => stop.abort();
  }, [id]);
  return html`<section aria-live="polite"><p>Task <${TaskLink} id=${id} />: ${task?.status ?? 'sent'}
      ${task?.status === 'processing' && ` ${Math.round(task.progress)} %`} ${task?.waiting && html`<${Waits} waiting=${task.waiting} remedy />`}</p>
    <${Trouble} error=${error} />${task && html`<${Result} task=${task} claims=${claims} />`}</section>`;
}

function Claims() {
  const [claims, setClaims] = useState(/** @type {[string, string]} */ (['', '']));
  const [models, setModels] = useState(/** @type {string[]} */ ([]));
  const [model, setModel] = useState('');
  const [sent, setSent] = useState(/** @type {{id: string, claims: [string, string]} | null} */ (null));
  const [error, setError] = useState('');
  useEffect(() => {
    call('v1/models').then((/** @type {import('./types').Models} */ found) => setModels([...new Set(found.models.filter((each) => each.kind === 'language' && !each.problem).map((each) => each.id))])).catch(() => {});
  }, []);
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    setError('');
    try {
      const fast = model === 'none';
      const body = { claim1: claims[0], claim2: claims[1], ...(fast && { use_all_methods: false }), ...(model && !fast && { language_model: model }) };
      const id = (await call('v1/async-ml/contradiction/detect', { method: 'POST', body })).data.task_id;
      remember(id, claims);
      setSent({ id, claims });
    } catch (thrown) {
      setError(/** @type {Error} */ (thrown).message);
    }
  };
  /** @param {0 | 1} which */
  const field = (which) => html`<label>${which === 0 ? 'First claim' : 'Second claim'}
    <textarea rows="3" required value=${claims[which]} onInput=${(/** @type {any} */ event) => setClaims(which === 0 ? [event.target.value, claims[1]] : [claims[0], event.target.value])} /></label>`;
  return html`<section><h2>Two claims</h2>
    <form onSubmit=${submit}><div class="sides">${field(0)}${field(1)}</div>
      <p class="buttons"><button class="first">Compare</button>
        <label>Model <select value=${model} onChange=${(/** @type {any} */ event) => setModel(event.target.value)}><option value="">default</option><option value="none">none (fast)</option>
          ${models.map((each) => html`<option value=${each}>${each}</option>`)}</select></label></p></form>
    <${Trouble} error=${error} />${sent && html`<${Followed} key=${sent.id} id=${sent.id} claims=${sent.claims} />`}</section>`;
}

function Files() {
  const [found, setFound] = useState(/** @type {import('./types').References | null} */ (null));
  const [sent, setSent] = useState('');
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  /** @param {() => Promise<void>} act */
  const run = async (act) => {
    setBusy(true);
    setError('');
    await act().catch((thrown) => setError(thrown.message));
    setBusy(false);
  };
  const choose = (/** @type {any} */ event) => {
    const file = event.target.files[0];
    setFound(null);
    setSent('');
    if (file)
      run(async () => {
        const response = await send('v1/references', { method: 'POST', body: file, headers: { 'Content-Type': 'application/octet-stream' } });
        setFound(await response.json());
      });
  };
  const analyze = () => run(async () => setSent((await call('v1/async-ml/contradiction/analyze', { method: 'POST', body: { articles: found?.articles } })).data.task_id));
  const without = found?.articles.filter((each) => !each.abstract).length ?? 0;
  return html`<section><h2>A file of references</h2>
    <label>An export of PubMed, Zotero, EndNote, Embase, Scopus, Web of Science, BibTeX or CSV, at most 16 MiB <input type="file" onChange=${choose} /></label>
    <${Trouble} error=${error} />
    ${found && html`<p>${found.articles.length} articles (${found.format}), ${found.duplicates.length} duplicates joined, ${without} without an abstract, ${found.warnings.length} warnings.</p>
      <p class="buttons"><button class="first" disabled=${busy || found.articles.length === 0} onClick=${analyze}>Look for contradictions</button></p>`}
    ${sent && html`<${Followed} key=${sent} id=${sent} />`}</section>`;
}

export function Try() {
  return html`<h1>Try it</h1><${Claims} /><${Files} />`;
}
