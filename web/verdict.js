// Results of the three actors as what they say, not as what they are stored as.
import { html } from './html.js';
import { Evidence, Trouble, Warnings } from './parts.js';
import { duration } from './text.js';

/** @typedef {import('./types')} Types */

/** @type {Record<string, string>} */
const kVerdicts = { contradiction: 'They contradict each other', no_contradiction: 'No contradiction', uncertain: 'Uncertain' };

/** @param {{model: {id: string, demo: boolean} | null, seconds: number}} props */
function Made({ model, seconds }) {
  return html`<p class="soft">${model ? html`model ${model.id}${model.demo ? ' (demo: its judgement does not count)' : ''}, ` : ''}took ${duration(seconds)}</p>`;
}

/**
 * @param {{result: import('./types').Verdict, claims?: [string, string]}} props the claims where they are known
 */
function TwoClaims({ result, claims }) {
  const methods = Object.values(result.details ?? {});
  const evidence = [methods.flatMap((each) => each?.evidence1 ?? []), methods.flatMap((each) => each?.evidence2 ?? [])];
  return html`<section class=${`verdict ${result.verdict}`} aria-label="Verdict">
    <h3>${kVerdicts[result.verdict] ?? result.verdict}</h3>
    <p>score <b>${result.contradiction_score.toFixed(2)}</b>, confidence <b>${result.confidence}</b>${
      result.contradiction_type && result.contradiction_type !== 'none' ? html`, <b>${result.contradiction_type}</b>` : ''}</p>
    ${evidence.map((spans, i) => (claims ? html`<${Evidence} text=${claims[i]} evidence=${spans} />` : spans.length > 0 && html`<p>claim ${i + 1}: ${spans.map((span) => html`<mark class=${`role ${span.role}`} title=${span.role}>${span.text}</mark> `)}</p>`))}
    <p>${result.explanation}</p>
    ${result.context_differences.length > 0 && html`<ul class="chips">${result.context_differences.map((each) => html`<li>${each}</li>`)}</ul>`}
    <${Warnings} items=${result.warnings ?? []} />
    <${Made} model=${result.model} seconds=${result.duration} />
  </section>`;
}

/** @param {{side: import('./types').Side}} props */
function OneSide({ side }) {
  return html`<figure><figcaption><strong>${side.title || side.article_id}</strong><br /><span class="soft">${side.article_id}</span></figcaption>
    <${Evidence} text=${side.claim} evidence=${side.evidence} /></figure>`;
}

/** @param {{result: import('./types').Analysis}} props */
function Articles({ result }) {
  const pairs = result.contradictions;
  return html`<section class="verdict" aria-label="Analysis">
    <h3>${pairs.length === 0 ? 'No contradictions were found' : `${pairs.length} ${pairs.length === 1 ? 'contradiction' : 'contradictions'}`}</h3>
    <ul class="figures">
      <li><b>${result.total_articles}</b>articles</li><li><b>${result.total_findings}</b>findings</li>
      <li><b>${result.questions.length}</b>questions</li><li><b>${result.agreements}</b>agreements</li><li><b>${result.pairs_compared}</b>pairs compared</li>
    </ul>
    ${pairs.slice(0, 100).map((pair) => html`<article class="pair">
      <p>score <b>${pair.contradiction_score.toFixed(2)}</b>, confidence <b>${pair.confidence}</b></p>
      <div class="sides"><${OneSide} side=${pair.claim1} /><${OneSide} side=${pair.claim2} /></div>
      <p>${pair.explanation}</p>
      ${pair.context_differences.length > 0 && html`<ul class="chips">${pair.context_differences.map((each) => html`<li>${each}</li>`)}</ul>`}
    </article>`)}
    ${pairs.length > 100 && html`<p class="soft">The first 100 are shown.</p>`}
    ${result.questions.length > 0 && html`<div class="scroll" tabindex="0"><table><caption>What several articles ask</caption>
      <thead><tr><th>Question</th><th class="number">Articles</th><th class="number">More</th><th class="number">Less</th><th class="number">No difference</th></tr></thead>
      <tbody>${result.questions.slice(0, 50).map((each) => html`<tr><td>${each.exposure} and ${each.outcome}</td><td class="number">${each.articles}</td>
        <td class="number">${each.more}</td><td class="number">${each.less}</td><td class="number">${each.no_difference}</td></tr>`)}</tbody></table></div>`}
    <${Warnings} items=${result.warnings ?? []} />
    <${Made} model=${null} seconds=${result.duration} />
  </section>`;
}

/** @param {{result: import('./types').Embeddings}} props */
function Vectors({ result }) {
  return html`<section class="verdict" aria-label="Embeddings"><h3>${result.total_texts} vectors of ${result.dimension} numbers</h3>
    <${Warnings} items=${result.warnings ?? []} /><${Made} model=${result.model} seconds=${result.duration} /></section>`;
}

/** @type {Record<string, any>} */
const kShown = { detect_contradiction: TwoClaims, analyze_contradictions_in_articles: Articles, generate_embeddings: Vectors };

/** @param {{task: import('./types').Task, claims?: [string, string]}} props */
export function Result({ task, claims }) {
  if (task.status === 'failed') return html`<${Trouble} error=${task.error ?? 'It failed.'} />`;
  if (task.status !== 'completed') return null;
  const shown = kShown[task.actor ?? ''];
  const result = /** @type {any} */ (task.result);
  if (shown && result && typeof result === 'object') return html`<${shown} result=${result} claims=${claims} />`;
  return html`<section class="verdict" aria-label="Result"><h3>Result</h3><pre tabindex="0">${JSON.stringify(task.result, null, 2).slice(0, 100_000)}</pre></section>`;
}
