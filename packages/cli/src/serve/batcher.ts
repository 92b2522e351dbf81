/** Requests that arrive together run together: a queue of pictures in front of the network. */
import { Problem } from "./problem.ts";

export interface BatcherOptions {
  /** Runs some pictures, one after the other in `images`, and gives a row of probabilities for each. */
  readonly run: (images: Uint8Array, count: number) => Float32Array | Promise<Float32Array>;
  /** Bytes of a picture. */
  readonly bytes: number;
  /** Most pictures of one run. */
  readonly batch: number;
  /** A picture that has waited longer is given up. */
  readonly timeoutMs: number;
  readonly onBatch: (pictures: number) => void;
}

export interface Batcher {
  /** @throws Problem `timeout` */
  submit(picture: Uint8Array): Promise<Float32Array>;
  /** Pictures that wait. */
  readonly waiting: number;
}

interface Job {
  readonly picture: Uint8Array;
  readonly expires: number;
  readonly resolve: (row: Float32Array) => void;
  readonly reject: (error: unknown) => void;
}

export function createBatcher({ run, bytes, batch, timeoutMs, onBatch }: BatcherOptions): Batcher {
  const queue: Job[] = [];
  let running = false;

  const drain = async (): Promise<void> => {
    running = true;
    while (queue.length > 0) {
      // One turn of the event loop, in which what has arrived by now is read and joins the batch.
      await new Promise((resolve) => setImmediate(resolve));
      const jobs = queue.splice(0, batch);
      const now = performance.now();
      const live = jobs.filter(({ expires }) => expires >= now);
      for (const job of jobs) {
        if (job.expires < now)
          job.reject(new Problem("timeout", `the network was busy for more than ${timeoutMs} ms.`));
      }
      if (live.length === 0) continue;
      const images = new Uint8Array(live.length * bytes);
      live.forEach(({ picture }, i) => images.set(picture, i * bytes));
      try {
        const rows = await run(images, live.length);
        const width = rows.length / live.length;
        onBatch(live.length);
        live.forEach(({ resolve }, i) => resolve(rows.slice(i * width, (i + 1) * width)));
      } catch (error) {
        for (const { reject } of live) reject(error);
      }
    }
    running = false;
  };

  return {
    submit: (picture) =>
      new Promise((resolve, reject) => {
        queue.push({ picture, expires: performance.now() + timeoutMs, resolve, reject });
        if (!running) void drain();
      }),
    get waiting() {
      return queue.length;
    },
  };
}
