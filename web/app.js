// The page: where one is, how one gets elsewhere, and whether the server is there.
import { call, onKeyWanted, signIn, signOut } from './api.js';
import { Dead } from './dead.js';
import { listen, useLive } from './events.js';
import { html, render, useEffect, useRef, useState } from './html.js';
import { Models } from './models.js';
import { Now } from './now.js';
import { Trouble } from './parts.js';
import { Queues } from './queues.js';
import { Settings } from './settings.js';
import { OneTask, Tasks } from './tasks.js';
import { Try } from './try.js';

/** @typedef {import('./types').Session} Session */

/** @type {[string, string, any][]} */
const kPages = [['now', 'Now', Now], ['tasks', 'Tasks', Tasks], ['queues', 'Queues', Queues], ['dead', 'Dead letters', Dead], ['try', 'Try it', Try], ['models', 'Models', Models], ['settings', 'Settings', Settings]];

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // somebody's own percent sign
  }
}

/** "#/tasks/ID?status=failed" @param {string} hash */
function place(hash) {
  const [path, query] = hash.replace(/^#\/?/, '').split('?');
  const [page, id] = path.split('/');
  return { page: page || 'now', id: decoded(id ?? ''), query: new URLSearchParams(query ?? '') };
}

/** @param {{children: any, label: string, onClose: () => void}} props */
function Dialog({ children, label, onClose }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => dialog.current?.showModal(), []);
  return html`<dialog ref=${dialog} aria-label=${label} onClose=${onClose}>${children}</dialog>`;
}

/** Pages by their name, tasks by their id. @param {{onClose: () => void}} props */
function GoTo({ onClose }) {
  const [words, setWords] = useState('');
  const pages = kPages.filter(([, name]) => name.toLowerCase().includes(words.toLowerCase()));
  const go = (/** @type {Event} */ event) => {
    event.preventDefault();
    location.hash = pages.length > 0 ? `#/${pages[0][0]}` : `#/tasks/${encodeURIComponent(words.trim())}`;
    onClose();
  };
  return html`<${Dialog} label="Go to" onClose=${onClose}><form onSubmit=${go}>
    <label>A page, or the id of a task <input autofocus value=${words} onInput=${(/** @type {any} */ event) => setWords(event.target.value)} /></label>
    <p class="soft">${pages.length > 0 ? pages.map(([, name]) => name).join(', ') : `task ${words}`}</p></form><//>`;
}

/** @param {{onClose: () => void}} props */
function Help({ onClose }) {
  return html`<${Dialog} label="Keys" onClose=${onClose}><h2>Keys</h2><dl class="fields">
    <dt>Ctrl K, ⌘K, /</dt><dd>go to a page or a task</dd><dt>j, k</dt><dd>next, previous row</dd><dt>Enter</dt><dd>open it</dd><dt>x</dt><dd>select it</dd><dt>?</dt><dd>these keys</dd></dl><p><a href="docs">The HTTP API</a></p>
    <p class="buttons"><button onClick=${onClose}>Close</button></p><//>`;
}

/** @param {{onClose: () => void}} props */
function Key({ onClose }) {
  const [key, set] = useState('');
  const [problem, setProblem] = useState('');
  const show = async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      await signIn(key.trim());
      location.reload();
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  };
  return html`<${Dialog} label="Key" onClose=${onClose}><form onSubmit=${show}><label>This server wants a key <input type="password" autofocus required autocomplete="off" value=${key}
    onInput=${(/** @type {any} */ event) => set(event.target.value)} /></label><${Trouble} error=${problem} />
    <p class="soft">It is shown to the server once and kept nowhere: you stay signed in for 12 hours, or until you sign out.</p><p class="buttons"><button class="first">Sign in</button></p></form><//>`;
}

/** Who is signed in, where somebody is. */
function SignedIn() {
  const [session, set] = useState(/** @type {Session | null} */ (null));
  useEffect(() => void call('v1/session').then(set, () => {}), []);
  if (!session?.ends_at) return '';
  return html`<button id="sign-out" title=${`${session.name}: ${session.scopes.join(', ')}`} onClick=${() => signOut().finally(() => location.reload())}>Sign out</button>`;
}

/** @param {number} step to the next row with a link, or the one before */
function move(step) {
  const links = [...document.querySelectorAll('[data-row]')].map((row) => row.querySelector('a, button')).filter((link) => link instanceof HTMLElement);
  const at = links.findIndex((link) => link === document.activeElement);
  const next = links[Math.max(0, Math.min(links.length - 1, at < 0 ? 0 : at + step))];
  if (next instanceof HTMLElement) next.focus();
}

/** The row where the focus is, or not any more. */
function select() {
  const box = document.activeElement?.closest('[data-row]')?.querySelector('input[type="checkbox"]');
  if (box instanceof HTMLInputElement) box.click();
}

function Connection() {
  const { connected } = useLive();
  return html`<span role="status" class=${`chip ${connected ? 'open' : 'closed'}`} id="connection">${connected ? 'live' : 'reconnecting …'}</span>`;
}

function App() {
  const [hash, setHash] = useState(location.hash);
  const [dialog, setDialog] = useState(/** @type {'' | 'go' | 'help' | 'key'} */ (''));
  useEffect(() => {
    onKeyWanted(() => setDialog('key'));
    addEventListener('hashchange', () => setHash(location.hash));
    addEventListener('keydown', (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key === 'k') {
        event.preventDefault();
        return setDialog('go');
      }
      const typing = event.target instanceof Element && event.target.closest('input, textarea, select, dialog');
      if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === 'j') move(1);
      if (event.key === 'k') move(-1);
      if (event.key === 'x') select();
      if (event.key === '?') setDialog('help');
      if (event.key === '/') {
        event.preventDefault();
        setDialog('go');
      }
    });
    listen();
  }, []);
  const { page, id, query } = place(hash);
  const [name, title, View] = kPages.find(([each]) => each === page) ?? kPages[0];
  useEffect(() => {
    document.title = `${id || title} · Medsynth`;
    scrollTo(0, 0);
  }, [page, id]);
  const close = () => setDialog('');
  return html`<a class="skip" href="#main" onClick=${(/** @type {Event} */ event) => (event.preventDefault(), document.getElementById('main')?.focus())}>To the content</a>
    <header><a class="name" href="#/now">Medsynth</a>
      <nav aria-label="Pages">${kPages.map(([each, text]) => html`<a href=${`#/${each}`} aria-current=${each === name ? 'page' : undefined}>${text}</a>`)}</nav>
      <${Connection} /><${SignedIn} /><button onClick=${() => setDialog('help')} aria-label="Keys">?</button></header>
    <main id="main" tabindex="-1">${name === 'tasks' && id ? html`<${OneTask} key=${id} id=${id} />` : html`<${View} key=${name} query=${query} />`}</main>
    ${dialog === 'go' && html`<${GoTo} onClose=${close} />`}${dialog === 'help' && html`<${Help} onClose=${close} />`}${dialog === 'key' && html`<${Key} onClose=${close} />`}`;
}

render(html`<${App} />`, /** @type {HTMLElement} */ (document.getElementById('app')));
