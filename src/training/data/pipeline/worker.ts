/**
 * A thread that prepares images for a training in another: started with `WorkerData`, it answers each `ToWorker` by a
 * `FromWorker`.
 */

import { parentPort, workerData } from 'node:worker_threads';
import type { BadImage, FromWorker, ToWorker, WorkerData } from './messages';
import { ImagePreparer } from './preparer';
import type { StoredPixels } from './presizeIndex';

/** Images under way at once: while one is decoded, on a thread of the decoder's own, another is augmented. */
const AT_ONCE = 2;

/** What a message asked for, as far as it is done. */
interface Job {
  readonly message: ToWorker;
  /** The next of its images to begin, and how many are not done. */
  next: number;
  left: number;
  /** With its position in the message. */
  readonly bad: { readonly position: number; readonly image: BadImage }[];
  readonly stored: StoredPixels[];
  storeError: FromWorker['storeError'];
}

const { plan, prepared } = workerData as WorkerData;
const preparer = new ImagePreparer(plan);
const imageValues = plan.images.size ** 2 * plan.facts.channels;
const jobs: Job[] = [];
let underWay = 0;

/** Begins images for as long as there are some and not too many are under way. */
function begin(): void {
  for (let job = jobs[0]; job && underWay < AT_ONCE; job = jobs[0]) {
    const position = job.next++;
    if (job.next === job.message.images.length) jobs.shift();
    underWay++;
    // What no image is to blame for ends the thread, and the training with it.
    void prepare(job, position);
  }
}

async function prepare(job: Job, position: number): Promise<void> {
  const { message, bad, stored } = job;
  const { split, purpose, epoch, images, repeats, to } = message;
  const image = images[position]!;
  const request = { split, purpose, epoch, image, repeat: repeats?.[position] ?? 0 };
  await preparer.prepare(request, prepared, (to + position) * imageValues, {
    onBad: (image) => bad.push({ position, image }),
    onStored: (each) => stored.push(each),
    onStoreError: (error) => {
      const { message, code } = error as NodeJS.ErrnoException;
      job.storeError = { message, code };
    },
  });
  underWay--;
  job.left--;
  if (job.left === 0) answer(job);
  begin();
}

function answer({ message: { id }, bad, stored, storeError }: Job): void {
  const inOrder = bad.sort((a, b) => a.position - b.position).map(({ image }) => image);
  parentPort?.postMessage({ id, bad: inOrder, stored, storeError } satisfies FromWorker);
}

parentPort?.on('message', (message: ToWorker) => {
  const left = message.images.length;
  jobs.push({ message, next: 0, left, bad: [], stored: [], storeError: null });
  begin();
});
