/**
 * A thread that prepares images for a training in another thread. It starts with `WorkerData` and answers each
 * `ToWorker` with a `FromWorker`.
 */

import { parentPort, workerData } from 'node:worker_threads';
import type { BadImage, FromWorker, ToWorker, WorkerData } from './messages';
import { ImagePreparer } from './preparer';
import type { StoredPixels } from './presizeIndex';

/** Number of images in progress at once: while the decoder's own thread decodes one, this thread augments another. */
const AT_ONCE = 2;

/** A message and its progress. */
interface Job {
  readonly message: ToWorker;
  /** The next image to start, and the number of unfinished ones. */
  next: number;
  left: number;
  /** Each with its position in the message. */
  readonly bad: { readonly position: number; readonly image: BadImage }[];
  readonly stored: StoredPixels[];
  storeError: FromWorker['storeError'];
}

const { plan, prepared } = workerData as WorkerData;
const preparer = new ImagePreparer(plan);
const imageValues = plan.images.size ** 2 * plan.facts.channels;
const jobs: Job[] = [];
let underWay = 0;

/** Starts images until there are none left or enough are in progress. */
function begin(): void {
  for (let job = jobs[0]; job && underWay < AT_ONCE; job = jobs[0]) {
    const position = job.next++;
    if (job.next === job.message.images.length) jobs.shift();
    underWay++;
    // An error that is not the fault of an image ends the thread, and the training with it.
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
