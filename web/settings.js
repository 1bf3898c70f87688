// The limits, which hold for each machine.
import { call } from './api.js';
import { html, useEffect, useState } from './html.js';
import { Action, Trouble } from './parts.js';

/** @typedef {'max_cpu_percent' | 'max_memory_percent' | 'max_gpu_percent' | 'max_concurrent_tasks'} Name */
/** @type {[Name, string, number, number | undefined][]} */
const kLimits = [
  ['max_concurrent_tasks', 'Tasks at once', 1, undefined],
  ['max_cpu_percent', 'CPU, percent (100: no limit)', 0, 100],
  ['max_memory_percent', 'Memory, percent (100: no limit)', 0, 100],
  ['max_gpu_percent', 'GPU, percent (100: no limit)', 0, 100],
];

export function Settings() {
  const [limits, setLimits] = useState(/** @type {import('./types').Limits | null} */ (null));
  const [edited, setEdited] = useState(/** @type {Partial<Record<Name, number>>} */ ({}));
  const [said, setSaid] = useState('');
  const [error, setError] = useState('');
  const [forecast, setForecast] = useState('');
  const look = () => call('v1/resources/limits').then(setLimits, (thrown) => setError(thrown.message));
  useEffect(() => void look(), []);
  useEffect(() => {
    setForecast('');
    if (Object.keys(edited).length === 0) return;
    const stop = new AbortController();
    const query = new URLSearchParams(Object.entries(edited).map(([name, value]) => [name, String(value)]));
    const ask = () => call(`v1/resources/limits/forecast?${query}`, { signal: stop.signal })
      .then((answer) => setForecast(`This change would start ${answer.would_start} ${answer.would_start === 1 ? 'task' : 'tasks'}.`), () => {});
    const timer = setTimeout(ask, 300); // one asks when typing has ended
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [edited]);
  const change = async (/** @type {Event} */ event) => {
    event.preventDefault();
    setError('');
    try {
      const answer = await call('v1/resources/limits', { method: 'PUT', body: edited });
      setSaid(`${answer.message} Workers that confirmed it: ${answer.data.confirmed_by.length}.`);
      setEdited({});
      await look();
    } catch (thrown) {
      setError(/** @type {Error} */ (thrown).message);
    }
  };
  return html`<h1>Settings</h1><${Trouble} error=${error} />
    ${limits && html`<form class="limits" onSubmit=${change}><h2>Limits of each machine</h2>
      ${kLimits.map(([name, label, min, max]) => html`<label>${label} <input type="number" step="any" min=${min} max=${max} required value=${edited[name] ?? limits[name]}
        onInput=${(/** @type {any} */ event) => setEdited({ ...edited, [name]: Number(event.target.value) })} /> <span class="soft">from ${limits.origin[name]}</span></label>`)}
      <p role="status" id="forecast">${forecast}</p>
      <p class="buttons"><button class="first" disabled=${Object.keys(edited).length === 0}>Change</button>
        <${Action} ask="Give each worker the limits of its own settings again?" act=${() => call('v1/resources/limits', { method: 'DELETE' })} onDone=${look}>Reset<//></p>
      <p role="status" id="said">${said}</p></form>`}`;
}
