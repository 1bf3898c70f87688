// The last hour or day in small charts.
import { call } from './api.js';
import { html, useEffect, useState } from './html.js';
import { duration } from './text.js';

/** @typedef {import('./types').History} Steps */
/** @typedef {import('./types').HistoryStep} Step */

const kWidth = 360;
const kHeight = 60;

/**
 * A value for each step up to now, null where nobody reported.
 * @param {Steps} history @param {(step: Step) => number | null} value
 */
function series(history, value) {
  const length = history.step_seconds * 1000;
  const last = Math.floor(Date.now() / length);
  /** @type {(number | null)[]} */
  const values = new Array(history.kept).fill(null);
  for (const step of history.steps) {
    const at = history.kept - 1 - (last - Math.round(Date.parse(step.at) / length));
    if (at >= 0 && at < history.kept) values[at] = value(step);
  }
  return values;
}

/** @param {(number | null)[]} values @param {number} highest */
function bars(values, highest) {
  const width = kWidth / values.length;
  return values.map((value, at) => (value ? `M${(at * width).toFixed(2)} ${kHeight}v-${Math.max(1, (value / highest) * kHeight).toFixed(1)}h${width.toFixed(2)}V${kHeight}z` : '')).join('');
}

/** @param {{name: string, says: string, values: (number | null)[], most?: number, shown: (value: number) => string, bad?: (number | null)[]}} props */
function Chart({ name, says, values, most, shown, bad }) {
  const highest = most ?? Math.max(...values.map((each) => each ?? 0), 0);
  return html`<figure class="chart"><figcaption><b>${name}</b> ${says}</figcaption>
    <svg viewBox=${`0 0 ${kWidth} ${kHeight}`} preserveAspectRatio="none" role="img" aria-label=${`${name}: ${says}`}>
      ${highest > 0 && html`<path class="use" d=${bars(values, highest)} />`}${highest > 0 && bad && html`<path class="bad" d=${bars(bad, highest)} />`}</svg>
    <span class="soft">${highest > 0 ? `up to ${shown(highest)}` : 'nothing'}</span></figure>`;
}

/** @param {(number | null)[]} values */
function latest(values) {
  return values.filter((each) => each !== null).at(-1) ?? null;
}

/** @param {number | null} value */
function percent(value) {
  return value === null ? 'unknown' : `${Math.round(value)} %`;
}

export function History() {
  const [span, setSpan] = useState('hour');
  const [history, setHistory] = useState(/** @type {Steps | null} */ (null));
  useEffect(() => {
    const stop = new AbortController();
    const look = () => call(`v1/history?span=${span}`, { signal: stop.signal }).then(setHistory, () => {});
    look();
    const timer = setInterval(look, 10_000);
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, [span]);
  if (!history) return null;
  const sum = (/** @type {(step: Step) => number} */ value) => history.steps.reduce((all, step) => all + value(step), 0);
  const [ended, failed, started] = [sum((step) => step.ended), sum((step) => step.failed), sum((step) => step.started)];
  const waited = sum((step) => step.started * (step.mean_wait ?? 0));
  const cpu = series(history, (step) => step.cpu_percent);
  const memory = series(history, (step) => step.memory_percent);
  const per = duration(history.step_seconds);
  return html`<h2 id="history">The last ${span}</h2>
    <p class="buttons">${['hour', 'day'].map((each) => html`<button aria-pressed=${each === span} onClick=${() => setSpan(each)}>${each}</button>`)}</p>
    <div class="charts" aria-labelledby="history" role="group">
      <${Chart} name="Runs" says=${`${ended} ended, ${failed} failed`} values=${series(history, (step) => step.ended)} bad=${series(history, (step) => step.failed)} shown=${(/** @type {number} */ value) => `${value} in ${per}`} />
      <${Chart} name="Waits" says=${started > 0 ? `${duration(waited / started)} on average` : 'none started'} values=${series(history, (step) => step.mean_wait)} shown=${duration} />
      <${Chart} name="CPU" says=${percent(latest(cpu))} values=${cpu} most=${100} shown=${percent} />
      <${Chart} name="Memory" says=${percent(latest(memory))} values=${memory} most=${100} shown=${percent} /></div>`;
}
