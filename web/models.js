import { call } from './api.js';
import { useLook } from './events.js';
import { html, useState } from './html.js';
import { Action, Trouble } from './parts.js';
import { bytes } from './text.js';

/** @type {Record<string, string>} */
const kCalibrations = { own: 'measured on your pairs', built_in: 'measured by us', none: 'not measured: its answers count little', damaged: 'its measurement is damaged' };

/** @param {import('./types').Model} model */
function judgement(model) {
  if (model.kind === 'sentence') return '';
  return model.demo ? 'never counts' : (kCalibrations[model.calibration] ?? '');
}

/** @param {{model: import('./types').Model, onChosen: () => void}} props */
function Row({ model, onChosen }) {
  const use = async () => {
    const { data } = await call(`v1/models/${encodeURIComponent(model.id)}/use`, { method: 'POST' });
    onChosen();
    const without = data.hosts.filter((/** @type {{is_default: boolean}} */ each) => !each.is_default);
    if (without.length > 0) throw new Error(without.map((/** @type {{host: string, problem: string}} */ each) => `${each.host}: ${each.problem}`).join('; '));
  };
  return html`<tr data-row><th scope="row">${model.id}${model.is_default && html` <span class="chip open">default</span>`}${model.demo && html` <span class="chip">demo</span>`}</th>
    <td>${model.kind}</td><td>${model.host}</td><td class="number">${model.memory_bytes ? bytes(model.memory_bytes) : ''}</td>
    <td>${model.loaded ? 'in memory' : model.fits === false ? 'does not fit now' : model.fits ? 'fits' : ''}</td>
    <td>${model.problem ? html`<span class="bad">${model.problem}</span>` : judgement(model)}${model.notes && html`<br /><span class="soft">${model.notes}</span>`}${model.licence && html`<br /><span class="soft">Licence: ${model.licence}</span>`}</td>
    <td class="buttons">${!model.is_default && !model.problem && html`<${Action} act=${use}>Use<//>`}</td></tr>`;
}

export function Models() {
  const [found, setFound] = useState(/** @type {import('./types').Models} */ ({ models: [], unknown: [] }));
  const [error, setError] = useState('');
  const [chosen, setChosen] = useState(0); // how often: each is looked at again
  useLook(async (signal) => {
    try {
      setFound(await call('v1/models', { signal }));
      setError('');
    } catch (thrown) {
      if (!signal.aborted) setError(/** @type {Error} */ (thrown).message);
    }
  }, [chosen], { pause: 5000 });
  return html`<h1>Models</h1><${Trouble} error=${error} />
    ${found.models.length === 0 ? html`<p class="soft">No worker says that it has a model: "medsynth models pull" fetches the demo models.</p>` : html`<div class="scroll" tabindex="0"><table>
      <caption class="hidden">Installed models</caption>
      <thead><tr><th>Model</th><th>Kind</th><th>Machine</th><th class="number">Memory</th><th>Now</th><th>Judgement</th><th><span class="hidden">Actions</span></th></tr></thead>
      <tbody>${found.models.map((model) => html`<${Row} key=${model.id + model.host} model=${model} onChosen=${() => setChosen((count) => count + 1)} />`)}</tbody></table></div>`}
    ${found.unknown.length > 0 && html`<p class="soft">${found.unknown.length} workers of an older version do not say what they have.</p>`}`;
}
