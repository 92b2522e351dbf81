/** The page's side of a run: what the worker has said so far, and what can be asked of it. */
import { useEffect, useReducer, useRef } from "preact/hooks";
import type {
  EpochRecord,
  FromTrainer,
  OwnData,
  PlainModel,
  RunConfig,
  RunHistory,
  StepPoint,
  ToTrainer,
} from "./messages.ts";

export type RunStatus = "idle" | "preparing" | "running" | "paused" | "done" | "failed";

export interface RunView {
  readonly status: RunStatus;
  /** Of the run that is shown: it goes on, or was kept from before. Absent: there is none. */
  readonly config: RunConfig | undefined;
  readonly threads: number;
  readonly memory: number;
  readonly parameters: number;
  readonly classes: readonly string[];
  readonly epoch: number;
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
  readonly lr: number;
  readonly imagesPerSecond: number;
  readonly points: readonly StepPoint[];
  readonly epochs: readonly EpochRecord[];
  readonly model: PlainModel | undefined;
  readonly problem: Extract<FromTrainer, { kind: "error" }> | undefined;
  /** Why nothing of the run is kept: storage is refused or full, or another tab keeps its own. */
  readonly unkept: "storage" | "tab" | undefined;
  /** The kept run goes on in another tab, so it can't go on here. */
  readonly elsewhere: boolean;
}

const IDLE: RunView = {
  status: "idle",
  config: undefined,
  threads: 0,
  memory: 0,
  parameters: 0,
  classes: [],
  epoch: 0,
  step: 0,
  steps: 0,
  loss: 0,
  lr: 0,
  imagesPerSecond: 0,
  points: [],
  epochs: [],
  model: undefined,
  problem: undefined,
  unkept: undefined,
  elsewhere: false,
};

type Action =
  | FromTrainer
  | { readonly kind: "prepare"; readonly config: RunConfig; readonly unkept: RunView["unkept"] }
  | { readonly kind: "going" }
  | { readonly kind: "elsewhere" }
  | {
      readonly kind: "kept";
      readonly config: RunConfig;
      readonly history: RunHistory;
      readonly model: PlainModel | undefined;
    };

/** Points of the curve on the page; older ones are thinned out, as in the worker. */
const MOST_POINTS = 1500;

function reduce(view: RunView, action: Action): RunView {
  switch (action.kind) {
    case "prepare":
      return { ...IDLE, status: "preparing", config: action.config, unkept: action.unkept };
    case "kept":
      // Only where nothing has begun in the meantime.
      return view.config !== undefined
        ? view
        : {
            ...view,
            config: action.config,
            points: action.history.points,
            epochs: action.history.epochs,
            model: action.model,
            classes: action.model?.classes ?? [],
          };
    case "elsewhere":
      return { ...view, elsewhere: true };
    case "going":
      return { ...view, status: "running" };
    case "ready": {
      const { kind: _, history, ...rest } = action;
      return { ...view, ...rest, ...history, status: "running" };
    }
    case "progress": {
      const { kind: _, points, ...rest } = action;
      const all = [...view.points, ...points];
      return { ...view, ...rest, points: all.length > MOST_POINTS ? all.filter((_, i) => i % 2 === 0) : all };
    }
    case "epoch":
      return { ...view, epochs: [...view.epochs, action.record] };
    case "model":
      return { ...view, model: action.model };
    case "paused":
      return { ...view, status: "paused" };
    case "done":
      return { ...view, status: "done" };
    case "unkept":
      return { ...view, unkept: "storage" };
    case "error":
      return { ...view, status: "failed", problem: action };
  }
}

/**
 * Asks that this page be the one whose run is kept: two would write over each other. Where the browser has no locks
 * (plain http), nobody is asked.
 * @returns how to give it back; undefined if another page has it
 */
async function claim(): Promise<(() => void) | undefined> {
  if (!("locks" in navigator)) return () => {};
  return new Promise((answer) => {
    void navigator.locks.request("faltung-lab-run", { ifAvailable: true }, (lock) => {
      if (lock === null) return answer(undefined);
      return new Promise<void>((giveBack) => answer(giveBack));
    });
  });
}

export interface RunControl {
  readonly view: RunView;
  start(config: RunConfig, own: OwnData | undefined): void;
  /** Goes on with the run that is kept, from its last moment or from the end of an epoch. */
  resume(config: RunConfig, fromEpoch?: number): void;
  pause(): void;
  go(): void;
  step(): void;
  setRate(lr: number): void;
  /** Shows what was kept from before. */
  showKept(config: RunConfig, history: RunHistory, model: PlainModel | undefined): void;
}

export function useRun(): RunControl {
  const [view, dispatch] = useReducer(reduce, IDLE);
  const worker = useRef<Worker | undefined>(undefined);
  const claimed = useRef<(() => void) | undefined>(undefined);
  const gone = useRef(false);
  useEffect(
    () => () => {
      gone.current = true;
      worker.current?.terminate();
      claimed.current?.();
    },
    [],
  );
  const begin = (config: RunConfig, message: ToTrainer): void => {
    worker.current?.terminate();
    dispatch({ kind: "prepare", config, unkept: claimed.current ? undefined : "tab" });
    const next = new Worker(new URL("./trainer.worker.ts", import.meta.url), { type: "module" });
    worker.current = next;
    next.addEventListener("message", ({ data }: MessageEvent<FromTrainer>) => dispatch(data));
    next.addEventListener("error", ({ message: said }) => {
      const words = said || "the worker that trains could not be loaded; load the page again";
      dispatch({ kind: "error", message: words, diverged: false });
    });
    next.postMessage(message);
  };
  /** Begins when it is known whether the run may be kept. */
  const whenClaimed = async (work: (keeping: boolean) => void): Promise<void> => {
    claimed.current ??= await claim();
    if (gone.current) claimed.current?.();
    else work(claimed.current !== undefined);
  };
  const tell = (message: ToTrainer): void => worker.current?.postMessage(message);
  return {
    view,
    start: (config, own) => void whenClaimed((keeping) => begin(config, { kind: "start", config, own, keeping })),
    resume: (config, fromEpoch) =>
      void whenClaimed((keeping) => {
        if (keeping) begin(config, { kind: "resume", config, fromEpoch });
        else dispatch({ kind: "elsewhere" });
      }),
    pause: () => tell({ kind: "pause" }),
    go: () => {
      tell({ kind: "go" });
      dispatch({ kind: "going" });
    },
    step: () => tell({ kind: "step" }),
    setRate: (lr) => tell({ kind: "lr", lr }),
    showKept: (config, history, model) => dispatch({ kind: "kept", config, history, model }),
  };
}
