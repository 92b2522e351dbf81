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
}

const IDLE: RunView = {
  status: "idle",
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
};

type Action =
  | FromTrainer
  | { readonly kind: "prepare" }
  | { readonly kind: "going" }
  | { readonly kind: "kept"; readonly history: RunHistory; readonly model: PlainModel | undefined };

/** Points of the curve on the page; older ones are thinned out, as in the worker. */
const MOST_POINTS = 1500;

function reduce(view: RunView, action: Action): RunView {
  switch (action.kind) {
    case "prepare":
      return { ...IDLE, status: "preparing" };
    case "kept":
      return {
        ...view,
        points: action.history.points,
        epochs: action.history.epochs,
        model: action.model,
        classes: action.model?.classes ?? [],
      };
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
    case "error":
      return { ...view, status: "failed", problem: action };
  }
}

export interface RunControl {
  readonly view: RunView;
  start(config: RunConfig, own: OwnData | undefined): void;
  resume(config: RunConfig, fromEpoch?: number): void;
  pause(): void;
  go(): void;
  step(): void;
  setRate(lr: number): void;
  /** Shows what was kept from before. */
  showKept(history: RunHistory, model: PlainModel | undefined): void;
}

export function useRun(): RunControl {
  const [view, dispatch] = useReducer(reduce, IDLE);
  const worker = useRef<Worker | undefined>(undefined);
  useEffect(() => () => worker.current?.terminate(), []);
  const begin = (message: ToTrainer): void => {
    worker.current?.terminate();
    const next = new Worker(new URL("./trainer.worker.ts", import.meta.url), { type: "module" });
    worker.current = next;
    dispatch({ kind: "prepare" });
    next.addEventListener("message", ({ data }: MessageEvent<FromTrainer>) => dispatch(data));
    next.addEventListener("error", (event) => dispatch({ kind: "error", message: event.message, diverged: false }));
    next.postMessage(message);
  };
  const tell = (message: ToTrainer): void => worker.current?.postMessage(message);
  return {
    view,
    start: (config, own) => begin({ kind: "start", config, own }),
    resume: (config, fromEpoch) => begin({ kind: "resume", config, fromEpoch }),
    pause: () => tell({ kind: "pause" }),
    go: () => {
      tell({ kind: "go" });
      dispatch({ kind: "going" });
    },
    step: () => tell({ kind: "step" }),
    setRate: (lr) => tell({ kind: "lr", lr }),
    showKept: (history, model) => dispatch({ kind: "kept", history, model }),
  };
}
