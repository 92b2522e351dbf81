/** The picture, large, with Grad-CAM or saliency over it and a box around what the chosen cell sees. */
import { PALETTES } from "@faltung/figure";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useApp } from "../app-context.ts";
import type { Inspection } from "./inspect-messages.ts";

const SIZE = 280;

/** What may lie over the picture. */
export const VIEWS = ["cam", "saliency", "none"] as const;

export interface OverlayProps {
  readonly picture: Uint8Array;
  readonly shape: readonly number[];
  readonly inspection: Inspection;
  readonly view: (typeof VIEWS)[number];
  readonly box: readonly (readonly [number, number])[] | null | undefined;
  readonly label: string;
}

/** A canvas of the size of a plane, painted cell by cell. */
function plane(
  rows: number,
  cols: number,
  colour: (i: number) => readonly [number, number, number, number],
): OffscreenCanvas {
  const canvas = new OffscreenCanvas(cols, rows);
  const image = new ImageData(cols, rows);
  for (let i = 0; i < rows * cols; i++) image.data.set(colour(i), 4 * i);
  canvas.getContext("2d")?.putImageData(image, 0, 0);
  return canvas;
}

export function Overlay({ picture, shape, inspection, view, box, label }: OverlayProps): JSX.Element {
  const { theme } = useApp();
  const ref = useRef<HTMLCanvasElement>(null);
  const [channels, rows, cols] = shape;
  const scale = SIZE / Math.max(rows, cols);
  useEffect(() => {
    const c = ref.current?.getContext("2d");
    if (!c) return;
    const n = rows * cols;
    const at = (i: number, k: number): number => picture[channels === 1 ? i : k * n + i];
    c.imageSmoothingEnabled = false;
    c.clearRect(0, 0, SIZE, SIZE);
    c.drawImage(
      plane(rows, cols, (i) => [at(i, 0), at(i, 1), at(i, 2), 255]),
      0,
      0,
      cols * scale,
      rows * scale,
    );
    const { cam, saliency } = inspection;
    if (view === "cam" && cam) {
      const high = Math.max(1e-12, ...cam.data);
      c.imageSmoothingEnabled = true;
      const heat = plane(cam.rows, cam.cols, (i) => [255, 140, 20, (190 * cam.data[i]) / high]);
      c.drawImage(heat, 0, 0, cols * scale, rows * scale);
    } else if (view === "saliency") {
      const strength = Array.from({ length: n }, (_, i) => {
        let most = 0;
        for (let k = 0; k < channels; k++) most = Math.max(most, Math.abs(saliency[k * n + i]));
        return most;
      });
      const high = Math.max(1e-12, ...strength);
      c.drawImage(
        plane(rows, cols, (i) => [255, 140, 20, (230 * strength[i]) / high]),
        0,
        0,
        cols * scale,
        rows * scale,
      );
    }
    if (box) {
      const [[r0, r1], [c0, c1]] = box;
      c.strokeStyle = PALETTES[theme].extra;
      c.lineWidth = 3;
      c.strokeRect(c0 * scale + 1.5, r0 * scale + 1.5, (c1 - c0 + 1) * scale - 3, (r1 - r0 + 1) * scale - 3);
    }
  });
  return (
    <canvas
      ref={ref}
      class="pixels"
      width={Math.round(cols * scale)}
      height={Math.round(rows * scale)}
      role="img"
      aria-label={label}
      data-overlay={view}
    />
  );
}
