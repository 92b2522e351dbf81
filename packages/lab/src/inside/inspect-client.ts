/** The page's side of the worker that looks inside models. */
import type { PlainModel } from "../train/messages.ts";
import type {
  ActivatingAnswer,
  ActivatingRequest,
  InspectProblem,
  InspectRequest,
  Inspection,
} from "./inspect-messages.ts";

export interface InspectClient {
  /** @throws Error with the reason why the model and the picture do not go together */
  look(request: Omit<InspectRequest, "id">): Promise<Inspection>;
  activating(request: Omit<ActivatingRequest, "id">): Promise<ActivatingAnswer>;
  close(): void;
}

export function inspectClient(): InspectClient {
  const worker = new Worker(new URL("./inspect.worker.ts", import.meta.url), { type: "module" });
  const waiting = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>();
  let next = 0;
  worker.addEventListener("message", ({ data }: MessageEvent<Inspection | ActivatingAnswer | InspectProblem>) => {
    const one = waiting.get(data.id);
    waiting.delete(data.id);
    if ("problem" in data && data.problem !== undefined) one?.reject(new Error(data.problem));
    else one?.resolve(data);
  });
  worker.addEventListener("error", (event) => {
    for (const { reject } of waiting.values()) reject(new Error(event.message));
    waiting.clear();
  });
  const ask = <T>(request: object): Promise<T> =>
    new Promise((resolve, reject) => {
      const id = next++;
      waiting.set(id, { resolve: (answer) => resolve(answer as T), reject });
      worker.postMessage({ ...request, id });
    });
  return {
    look: (request: { readonly model: PlainModel }) => ask<Inspection>(request),
    activating: (request) => ask<ActivatingAnswer>(request),
    close: () => worker.terminate(),
  };
}
