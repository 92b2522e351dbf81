/** Requests that arrive together run together: a queue of pictures in front of the network. */
import { Problem } from "./problem.ts";

export interface BatcherOptions {
  /** Runs some pictures, one after the other in `images`, and gives a row of probabilities for each. */
  readonly run: (images: Uint8Array, count: number) => Float32Array | Promise<Float32Array>;
  /** Bytes of a picture. */
  readonly bytes: number;
  /** Most pictures of one run. */
  readonly batch: number;
  readonly onBatch: (pictures: number) => void;
}

export interface Batcher {
  /**
   * @param deadline on the clock of `performance.now()`: a picture that still waits then is given up
   * @throws Problem `timeout`
   */
  submit(picture: Uint8Array, deadline: number): Promise<Float32Array>;
  /** Pictures that wait. */
  readonly waiting: number;
}

interface Job {
  readonly picture: Uint8Array;
  /** Gives it up. */
  readonly timer: NodeJS.Timeout;
  readonly resolve: (row: Float32Array) => void;
  readonly reject: (error: unknown) => void;
}

export function createBatcher({ run, bytes, batch, onBatch }: BatcherOptions): Batcher {
  const queue = new Set<Job>(); // in the order of arrival
  let running = false;

  const take = (): readonly Job[] => {
    const jobs = [...queue].slice(0, batch);
    for (const job of jobs) {
      queue.delete(job);
      clearTimeout(job.timer);
    }
    return jobs;
  };

  const drain = async (): Promise<void> => {
    running = true;
    while (queue.size > 0) {
      // One turn of the event loop, in which what has arrived by now is read and joins the batch.
      await new Promise((resolve) => setImmediate(resolve));
      const jobs = take();
      if (jobs.length === 0) continue;
      const images = new Uint8Array(jobs.length * bytes);
      jobs.forEach(({ picture }, i) => images.set(picture, i * bytes));
      try {
        const rows = await run(images, jobs.length);
        const width = rows.length / jobs.length;
        onBatch(jobs.length);
        jobs.forEach(({ resolve }, i) => resolve(rows.slice(i * width, (i + 1) * width)));
      } catch (error) {
        for (const { reject } of jobs) reject(error);
      }
    }
    running = false;
  };

  return {
    submit: (picture, deadline) =>
      new Promise((resolve, reject) => {
        const giveUp = (): void => {
          if (queue.delete(job)) reject(new Problem("timeout", "the network was busy for too long."));
        };
        const timer = setTimeout(giveUp, Math.max(0, deadline - performance.now()));
        const job: Job = { picture, timer, resolve, reject };
        queue.add(job);
        if (!running) void drain();
      }),
    get waiting() {
      return queue.size;
    },
  };
}
