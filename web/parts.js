// What several pages show alike.
import { html, useEffect, useRef, useState } from './html.js';
import { pieces, reason, startsIn } from './text.js';

/** @param {{status: string}} props */
export function Status({ status }) {
  return html`<span class=${`chip ${status}`}>${status}</span>`;
}

/** @param {{id: string}} props */
export function TaskLink({ id }) {
  return html`<a href=${`#/tasks/${encodeURIComponent(id)}`}>${id}</a>`;
}

/** Why a task does not run. @param {{waiting: import('./types').Waiting, remedy?: boolean}} props */
export function Waits({ waiting, remedy = false }) {
  const estimate = startsIn(waiting.estimate);
  return html`<span class="waits">
    waits for <b>${reason(waiting.reason)}</b>${waiting.place ? html`, place ${waiting.place}` : ''}${estimate ? html`, ${estimate}` : ''}
    ${remedy && html`<span class="soft"> ${waiting.detail}${waiting.holder && html`; held by <${TaskLink} id=${waiting.holder} />`}</span>
      <span class="remedy">${waiting.remedy}</span>`}
  </span>`;
}

/** Use of something, and where its gate closes. @param {{name: string, percent: number | null, limit: number}} props */
export function Meter({ name, percent, limit }) {
  const shown = percent === null ? 'unknown' : `${Math.round(percent)} %`;
  const closed = percent !== null && limit < 100 && percent >= limit;
  return html`<div class="meter">
    <span>${name}</span>
    <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" class=${closed ? 'closed' : ''}>
      <rect class="track" width="100" height="8" rx="1" />
      <rect class="use" width=${Math.min(100, percent ?? 0)} height="8" rx="1" />
      ${limit < 100 && html`<rect class="limit" x=${limit - 0.4} width="0.8" height="8" />`}
    </svg>
    <span class="figure">${shown} <span class="soft">${limit >= 100 ? 'no limit' : `of ${limit} %`}</span></span>
  </div>`;
}

/** A claim with what its judgement rests on. @param {{text: string, evidence: import('./types').Span[]}} props */
export function Evidence({ text, evidence }) {
  return html`<p class="claim">
    ${pieces(text, evidence).map((each) => (each.role ? html`<mark class=${`role ${each.role}`} title=${each.role}>${each.text}</mark>` : each.text))}
  </p>`;
}

/** What went wrong, or nothing. @param {{error: string}} props */
export function Trouble({ error }) {
  return error ? html`<p class="trouble" role="alert">${error}</p>` : null;
}

/** @param {{items: string[]}} props */
export function Warnings({ items }) {
  if (items.length === 0) return null;
  return html`<details class="warnings"><summary>${items.length} ${items.length === 1 ? 'warning' : 'warnings'}</summary>
    <ul>${items.map((each) => html`<li>${each}</li>`)}</ul></details>`;
}

/**
 * Asks before something is done that cannot be undone.
 * @param {{question: string, yes: string, onYes: () => void, onNo: () => void}} props
 */
export function Ask({ question, yes, onYes, onNo }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => dialog.current?.showModal(), []);
  return html`<dialog ref=${dialog} onClose=${onNo} aria-label=${question}>
    <p>${question}</p>
    <p class="buttons"><button class="danger" onClick=${onYes}>${yes}</button><button onClick=${onNo}>Keep</button></p>
  </dialog>`;
}

/**
 * A button for something that takes a moment, and may fail.
 * @param {{act: () => Promise<unknown>, onDone?: () => void, children: any, ask?: string, class?: string}} props
 */
export function Action({ act, onDone, children, ask, class: kind = '' }) {
  const [busy, setBusy] = useState(false);
  const [asking, setAsking] = useState(false);
  const [error, setError] = useState('');
  const run = async () => {
    setAsking(false);
    setBusy(true);
    setError('');
    try {
      await act();
      onDone?.();
    } catch (thrown) {
      setError(/** @type {Error} */ (thrown).message);
    }
    setBusy(false);
  };
  return html`<span class="action">
    <button class=${kind} disabled=${busy} onClick=${() => (ask ? setAsking(true) : run())}>${children}</button>
    ${asking && html`<${Ask} question=${ask} yes=${children} onYes=${run} onNo=${() => setAsking(false)} />`}
    <${Trouble} error=${error} />
  </span>`;
}
