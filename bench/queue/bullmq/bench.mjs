// The no-op job in BullMQ: `node bench.mjs PORT send COUNT`, `node bench.mjs PORT work COUNT` (prints seconds from the first
// job to the last).
import {Queue, Worker} from 'bullmq';

const [port, what, number] = process.argv.slice(2);
const count = Number(number);
const connection = {host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: null};

if (what === 'send') {
  const queue = new Queue('bench', {connection});
  const options = {removeOnComplete: true};
  for (let sent = 0; sent < count; sent += 1000) {
    const jobs = Array.from({length: Math.min(1000, count - sent)}, () => ({name: 'noop', data: {}, opts: options}));
    await queue.addBulk(jobs);
  }
  await queue.close();
} else {
  let started = 0, done = 0;
  const worker = new Worker('bench', async () => {
    started ||= performance.now();
  }, {connection, concurrency: 64, removeOnComplete: {count: 0}});
  await new Promise(ended => worker.on('completed', () => {
    if (++done === count) ended();
  }));
  console.log(((performance.now() - started) / 1000).toFixed(6));
  await worker.close(true);
  process.exit(0);
}
