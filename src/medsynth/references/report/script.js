// What a reviewer thinks of each pair, saved as a file that `medsynth label FILE` reads. Nothing is sent anywhere.
'use strict';
{
  const labels = new Map();
  const bar = document.getElementById('save');
  const pairs = [...document.querySelectorAll('[data-pair]')];
  const count = bar && bar.querySelector('output');
  let unsaved = false;

  const show = () => {
    bar.hidden = labels.size === 0;
    count.textContent = `${labels.size} of ${pairs.length} pairs judged`;
  };
  const claims = (pair) => [...pair.querySelectorAll('.sides blockquote')].map((each) => each.textContent);

  for (const pair of pairs) {
    const vote = pair.querySelector('.vote');
    vote.hidden = false;
    const buttons = [...vote.querySelectorAll('button')];
    for (const button of buttons) {
      button.addEventListener('click', () => {
        const chosen = button.getAttribute('aria-pressed') !== 'true';
        for (const each of buttons) each.setAttribute('aria-pressed', String(chosen && each === button));
        if (chosen) labels.set(pair, button.value);
        else labels.delete(pair);
        unsaved = labels.size > 0;
        show();
      });
    }
  }
  if (bar) {
    bar.querySelector('button').addEventListener('click', () => {
      const task = document.body.dataset.task;
      const saved = pairs.filter((pair) => labels.has(pair)).map((pair) => {
        const [claim1, claim2] = claims(pair);
        return { task_id: task, pair: Number(pair.dataset.pair), label: labels.get(pair), claim1, claim2 };
      });
      const link = document.createElement('a');
      link.href = URL.createObjectURL(new Blob([JSON.stringify({ labels: saved }, null, 1)], { type: 'application/json' }));
      link.download = `labels-${task}.json`;
      link.click();
      unsaved = false;
    });
  }
  addEventListener('beforeunload', (event) => { if (unsaved) event.preventDefault(); });
  // A closed part would be missing on paper.
  addEventListener('beforeprint', () => { for (const each of document.querySelectorAll('details')) each.open = true; });
}
