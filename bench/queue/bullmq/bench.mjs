// The no-op job in BullMQ: `node bench.mjs PORT send COUNT`, `node bench.mjs PORT work COUNT` (prints seconds from the first job to
// the last), `node bench.mjs PORT pings COUNT` (one job at a time to an idle worker: prints each pick-up in microseconds).
import {Queue, Worker} from 'bullmq';

const [port, what, number] = process.argv.slice(2);
const count = Number(number);
const connection = {host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: null};
const options = {removeOnComplete: true};
const micros = () => (performance.timeOrigin + performance.now()) * 1000;

async function send() {
  const queue = new Queue('bench', {connection});
  for (let sent = 0; sent < count; sent += 1000) {
    const jobs = Array.from({length: Math.min(1000, count - sent)}, () => ({name: 'noop', data: {}, opts: options}));
    await queue.addBulk(jobs);
  }
  await queue.close();
}

// Runs `handle` until it has been called `count` times.
async function serve(handle, produce) {
  const worker = new Worker('bench', async job => handle(job), {connection, concurrency: 64, removeOnComplete: {count: 0}});
  let done = 0;
  const ended = new Promise(resolve => worker.on('completed', () => ++done === count && resolve()));
  await produce();
  await ended;
  await worker.close(true);
}

async function work() {
  let started = 0;
  await serve(() => { started ||= performance.now(); }, async () => {});
  console.log(((performance.now() - started) / 1000).toFixed(6));
}

async function pings() {
  const queue = new Queue('bench', {connection});
  const pause = time => new Promise(resolve => setTimeout(resolve, time));
  await serve(job => console.log(Math.round(micros() - job.data.at)), async () => {
    await pause(1000);
    for (let i = 0; i < count; ++i) {
      await pause(50 + Math.random() * 100);
      await queue.add('ping', {at: micros()}, options);
    }
  });
}

await {send, work, pings}[what]();
process.exit(0);
