/** The result of a filter, computed by the library. */
import { type CompiledFunction, Tensor, compile, conv2d } from "faltung";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Picture } from "./picture.ts";
import type { FilterState } from "./state.ts";

type Run = CompiledFunction<"x" | "w", "y">;

export interface Filtered {
  readonly result?: Picture;
  readonly problem?: string;
}

/** Each channel by itself: groups as many as channels. One program for each size; kernels pass through it as an input. */
export function useFiltered(picture: Picture, { weights, divisor, stride, mode }: FilterState): Filtered {
  const [filtered, setFiltered] = useState<Filtered>({});
  const program = useRef<{ readonly key: string; readonly run: Promise<Run> } | undefined>(undefined);
  const size = weights.length;
  const kernel = weights.flat().map((v) => v / divisor);
  useEffect(() => {
    let stale = false;
    const { rows, cols, data } = picture;
    const key = [rows, cols, size, stride, mode].join();
    if (program.current?.key !== key) {
      close(program.current?.run);
      const run = compile(
        ({ x, w }) => ({ y: conv2d(x, w, null, { padding: (size - 1) / 2, paddingMode: mode, stride, groups: 3 }) }),
        { x: [1, 3, rows, cols], w: [3, 1, size, size] },
        { threads: 1 },
      );
      program.current = { key, run };
    }
    const { run: compiled } = program.current;
    const compute = async (): Promise<Filtered> => {
      const run = await compiled;
      const w = new Tensor(Float32Array.from([...kernel, ...kernel, ...kernel]), [3, 1, size, size]);
      const { y } = run({ x: new Tensor(data, [1, 3, rows, cols]), w });
      return { result: { rows: y.shape[2], cols: y.shape[3], data: Float32Array.from(y.data) } };
    };
    compute().then(
      (made) => stale || setFiltered(made),
      (error: unknown) => stale || setFiltered({ problem: error instanceof Error ? error.message : String(error) }),
    );
    return () => {
      stale = true;
    };
  }, [picture, kernel.join(), stride, mode]);
  useEffect(() => () => close(program.current?.run), []);
  return filtered;
}

function close(run: Promise<Run> | undefined): void {
  run?.then(
    (f) => f.program.close(),
    () => {}, // it was never made; whoever asked for it was told
  );
}
