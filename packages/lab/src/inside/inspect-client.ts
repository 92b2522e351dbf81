/** The page's side of the worker that looks inside models. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { PlainModel } from "../train/messages.ts";
import type {
  ActivatingAnswer,
  ActivatingRequest,
  InspectProblem,
  InspectRequest,
  Inspection,
} from "./inspect-messages.ts";

export type Wish = Omit<InspectRequest, "id">;

export interface InspectClient {
  /** @throws Error with the reason why the model and the picture do not go together */
  look(request: Wish): Promise<Inspection>;
  activating(request: Omit<ActivatingRequest, "id">): Promise<ActivatingAnswer>;
  close(): void;
}

export function inspectClient(): InspectClient {
  const worker = new Worker(new URL("./inspect.worker.ts", import.meta.url), { type: "module" });
  const waiting = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>();
  let broken: Error | undefined;
  let next = 0;
  worker.addEventListener("message", ({ data }: MessageEvent<Inspection | ActivatingAnswer | InspectProblem>) => {
    const one = waiting.get(data.id);
    waiting.delete(data.id);
    if ("problem" in data && data.problem !== undefined) one?.reject(new Error(data.problem));
    else one?.resolve(data);
  });
  worker.addEventListener("error", (event) => {
    broken = new Error(event.message || "the worker that looks inside could not be loaded; load the page again");
    for (const { reject } of waiting.values()) reject(broken);
    waiting.clear();
  });
  const ask = <T>(request: object): Promise<T> =>
    new Promise((resolve, reject) => {
      if (broken) return reject(broken);
      const id = next++;
      waiting.set(id, { resolve: (answer) => resolve(answer as T), reject });
      worker.postMessage({ ...request, id });
    });
  return {
    look: (request) => ask<Inspection>(request),
    activating: (request) => ask<ActivatingAnswer>(request),
    close: () => worker.terminate(),
  };
}

export interface Looked {
  /** What was seen last; it stays while something newer is looked at. */
  readonly inspection?: Inspection;
  /** The model that it is of. */
  readonly model?: PlainModel;
  readonly problem?: string;
  readonly client: InspectClient | undefined;
}

/** Looks at what is wished for; while it looks, only the newest wish waits. Nothing to wish for: nothing to see. */
export function useInspection(wish: Wish | undefined): Looked {
  const [seen, setSeen] = useState<Omit<Looked, "client">>({});
  const [client, setClient] = useState<InspectClient>();
  const newest = useRef<Wish | undefined>(undefined);
  const looking = useRef(false);
  useEffect(() => {
    const made = inspectClient();
    setClient(made);
    return () => made.close();
  }, []);
  useEffect(() => {
    newest.current = wish;
    if (wish === undefined) return setSeen({});
    const work = async (): Promise<void> => {
      if (client === undefined || looking.current) return;
      looking.current = true;
      for (let now = newest.current; now !== undefined; now = newest.current === now ? undefined : newest.current) {
        const answer = await client.look(now).then(
          (inspection) => ({ inspection, model: now.model }),
          (error: unknown) => ({ problem: error instanceof Error ? error.message : String(error) }),
        );
        if (newest.current !== undefined) setSeen(answer);
      }
      looking.current = false;
    };
    void work();
  }, [client, wish?.model, wish?.picture, wish?.target, wish?.layer]);
  return { ...seen, client };
}
