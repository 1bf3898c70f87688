// The reference of the HTTP API at /docs: what /openapi.json says, for people.
import { call } from './api.js';
import { html, render, useEffect, useState } from './html.js';
import { Trouble } from './parts.js';

/** @typedef {Record<string, any>} Schema of JSON Schema 2020-12, as OpenAPI 3.1 uses it */
/** @typedef {{method: string, path: string, call: Schema}} Operation */

/** @param {string} reference */
const nameOf = (reference) => reference.slice(reference.lastIndexOf('/') + 1);

/** A type in words: "array of TaskInfo, or null". @param {{schema: Schema}} props */
function Type({ schema }) {
  if (schema.$ref) return html`<a href=${`#${nameOf(schema.$ref)}`}>${nameOf(schema.$ref)}</a>`;
  if (schema.anyOf) return html`${schema.anyOf.map((/** @type {Schema} */ each, /** @type {number} */ at) => html`${at > 0 && ' or '}<${Type} schema=${each} />`)}`;
  if (schema.enum) return html`${schema.enum.join(', ')}`;
  if (schema.items) return html`array of <${Type} schema=${schema.items} />`;
  if (typeof schema.additionalProperties === 'object') return html`object of <${Type} schema=${schema.additionalProperties} />`;
  return html`${schema.type === undefined ? 'any' : [schema.type].flat().join(' or ')}`;
}

/** "1 to 1000, default 100" @param {Schema} schema */
function bounds(schema) {
  const least = schema.minimum ?? schema.minItems ?? schema.minLength;
  const most = schema.maximum ?? schema.maxItems ?? schema.maxLength;
  const unit = schema.minItems ?? schema.maxItems ? ' elements' : schema.minLength ?? schema.maxLength ? ' characters' : '';
  const range = least === undefined && most === undefined ? '' : most === undefined ? `${least} or more${unit}` : `${least ?? 0} to ${most}${unit}`;
  return [range, schema.default === undefined ? '' : `default ${JSON.stringify(schema.default)}`].filter(Boolean).join(', ');
}

/** @param {{caption: string, rows: {name: string, required: boolean, schema: Schema, help?: string}[]}} props */
function Members({ caption, rows }) {
  return html`<div class="scroll" tabindex="0"><table><caption>${caption}</caption><thead><tr><th>Name</th><th>Type</th><th>Meaning</th></tr></thead>
    <tbody>${rows.map(({ name, required, schema, help }) => html`<tr><th scope="row"><code>${name}</code>${required && html` <span class="chip">required</span>`}</th>
      <td><${Type} schema=${schema} /><br /><span class="soft">${bounds(schema)}</span></td><td>${help ?? schema.description ?? ''}</td></tr>`)}</tbody></table></div>`;
}

/** @param {Schema} schema @returns {{name: string, required: boolean, schema: Schema}[]} */
function membersOf(schema) {
  return Object.entries(schema.properties ?? {}).map(([name, each]) => ({ name, required: (schema.required ?? []).includes(name), schema: each }));
}

/** A body's type and an example of it. @param {{title: string, content: Record<string, Schema>}} props */
function Content({ title, content }) {
  const [type, { schema, example }] = Object.entries(content)[0];
  return html`<h4>${title}</h4><p><${Type} schema=${schema} /> <span class="soft">${type}</span></p>
    ${example !== undefined && html`<pre class="card" tabindex="0">${typeof example === 'string' ? example : JSON.stringify(example, null, 2)}</pre>`}`;
}

/** @param {{operation: Operation}} props */
function Call({ operation: { method, path, call: described } }) {
  const scope = described.security.map((/** @type {{key: string[]}} */ each) => each.key[0] ?? 'any key')[0];
  const [status, answer] = Object.entries(described.responses).find(([each]) => each.startsWith('2')) ?? ['', {}];
  const errors = Object.entries(described.responses).filter(([each]) => /^[45]/.test(each));
  return html`<details class="card call" id=${described.operationId}>
    <summary><h3><code>${method.toUpperCase()} ${path}</code></h3> ${described.summary} <span class="chip">${scope ?? 'no key'}</span></summary>
    ${described.parameters && html`<${Members} caption="Parameters" rows=${described.parameters.map((/** @type {Schema} */ each) => ({ name: each.name, required: each.required, schema: each.schema, help: each.description }))} />`}
    ${described.requestBody && html`<${Content} title=${described.requestBody.required ? 'Body' : 'Body, may be left out'} content=${described.requestBody.content} />`}
    ${answer.content && html`<${Content} title=${`Answer, ${status}`} content=${answer.content} />`}
    <p class="soft">${errors.map(([each, { description }]) => `${each}: ${description}`).join('. ')}</p></details>`;
}

/** @param {Schema} api @returns {Operation[]} */
function operationsOf(api) {
  return Object.entries(api.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, described]) => ({ method, path, call: described })));
}

function Reference() {
  const [api, setApi] = useState(/** @type {Schema | null} */ (null));
  const [error, setError] = useState('');
  const [words, setWords] = useState('');
  useEffect(() => void call('openapi.json').then(setApi, (thrown) => setError(thrown.message)), []);
  useEffect(() => {
    const show = () => {
      const element = document.getElementById(location.hash.slice(1));
      if (element instanceof HTMLDetailsElement) element.open = true;
      element?.scrollIntoView();
    };
    addEventListener('hashchange', show);
    show();
    return () => removeEventListener('hashchange', show);
  }, [api]);
  const wanted = operationsOf(api ?? { paths: {} }).filter(({ method, path, call: { summary, operationId } }) => `${method} ${path} ${summary} ${operationId}`.toLowerCase().includes(words.toLowerCase()));
  const groups = (api?.tags ?? []).map((/** @type {{name: string, description: string}} */ tag) => ({ ...tag, calls: wanted.filter((each) => each.call.tags[0] === tag.name) })).filter((/** @type {{calls: Operation[]}} */ each) => each.calls.length > 0);
  return html`<header><a class="name" href="./">Medsynth</a><nav aria-label="Pages"><a href="docs" aria-current="page">HTTP API</a></nav><a href="openapi.json">openapi.json</a></header>
    <main id="main" tabindex="-1"><h1>HTTP API ${api?.info.version}</h1><p>${api?.info.description}</p><${Trouble} error=${error} />
    <label>Find <input type="search" value=${words} onInput=${(/** @type {any} */ event) => setWords(event.target.value)} /></label>
    ${api && groups.length === 0 && html`<p class="soft">No call has these words.</p>`}
    ${groups.map((/** @type {{name: string, description: string, calls: Operation[]}} */ group) => html`<section aria-labelledby=${`group-${group.name}`}>
      <h2 id=${`group-${group.name}`}>${group.name}</h2><p class="soft">${group.description}</p>${group.calls.map((each) => html`<${Call} key=${each.call.operationId} operation=${each} />`)}</section>`)}
    ${api && html`<section aria-labelledby="types"><h2 id="types">Types</h2>${Object.entries(api.components.schemas).map(([name, schema]) => html`<details class="card call" id=${name}>
      <summary><h3><code>${name}</code></h3></summary>${schema.properties ? html`<${Members} caption=${`Members of ${name}`} rows=${membersOf(schema)} />` : html`<p><${Type} schema=${schema} /></p>`}</details>`)}</section>`}</main>`;
}

render(html`<${Reference} />`, /** @type {HTMLElement} */ (document.getElementById('app')));
