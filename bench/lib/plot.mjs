/** The results as a picture: a line for each row of the bench, a dot for each peer, GFLOP/s on a logarithmic scale. */
import { WORKS } from "./works.mjs";

/** Colours that colour-blind eyes can tell apart (Okabe and Ito 2008), and a shape each. */
const LOOKS = /** @type {const} */ ({
  faltung: ["Faltung", "#d55e00", "disc"],
  "torch-nchw": ["PyTorch", "#0072b2", "square"],
  "torch-nhwc": ["PyTorch, channels last", "#56b4e9", "square"],
  "ort-node": ["ONNX Runtime native", "#009e73", "diamond"],
  "ort-web": ["ONNX Runtime Web", "#66c2a5", "ring"],
  "tfjs-wasm": ["TensorFlow.js WASM", "#cc79a7", "triangle"],
  "tfjs-cpu": ["TensorFlow.js CPU", "#e7b8d0", "triangle"],
  "jax-js": ["jax-js WASM", "#7a7a7a", "cross"],
  convnetjs: ["ConvNetJS", "#b0b0b0", "cross"],
});

/** @type {(shape: string, x: number, y: number, colour: string, title: string) => string} */
function mark(shape, x, y, colour, title) {
  const named = `<title>${title}</title>`;
  const at = (/** @type {string} */ d, fill = colour) =>
    `<path d="M${x.toFixed(1)} ${y.toFixed(1)}${d}" fill="${fill}" stroke="${colour}" stroke-width="1.6">${named}</path>`;
  switch (shape) {
    case "disc":
      return `<circle cx="${x.toFixed(1)}" cy="${y}" r="6" fill="${colour}">${named}</circle>`;
    case "ring":
      return `<circle cx="${x.toFixed(1)}" cy="${y}" r="4.2" fill="none" stroke="${colour}" stroke-width="2">${named}</circle>`;
    case "square":
      return at("m-4 -4h8v8h-8z");
    case "diamond":
      return at("m0 -5.5l5.5 5.5l-5.5 5.5l-5.5 -5.5z");
    case "triangle":
      return at("m0 -5.5l5.2 9.4h-10.4z");
    default:
      return at("m-4 -4l8 8m0 -8l-8 8", "none");
  }
}

const escape = (/** @type {string} */ text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");

/**
 * @param {readonly import("./measure.mjs").Result[]} results of one thread; the others are left out
 * @param {number} roof GFLOP/s of one core
 */
export function plot(results, roof) {
  const shown = results.filter(
    (r) => r.threads === 1 && r.gflops !== undefined && r.error === undefined && r.peer in LOOKS,
  );
  const works = WORKS.filter((w) => shown.some((r) => r.work === w.name));
  const [left, width, top, step] = [300, 560, 84, 26];
  const [low, high] = [0.1, 400];
  const scale = (/** @type {number} */ v) =>
    left + (width * Math.log(Math.min(high, Math.max(low, v)) / low)) / Math.log(high / low);
  const bottom = top + works.length * step;
  const out = [];
  for (const tick of [0.1, 0.3, 1, 3, 10, 30, 100, 300]) {
    const x = scale(tick).toFixed(1);
    out.push(
      `<path d="M${x} ${top - 8}V${bottom}" stroke="#e4e4e4"/><text x="${x}" y="${bottom + 16}" text-anchor="middle">${tick}</text>`,
    );
  }
  const x = scale(roof).toFixed(1);
  out.push(`<path d="M${x} ${top - 8}V${bottom}" stroke="#d55e00" stroke-dasharray="4 3"/>`);
  out.push(`<text x="${x}" y="${top - 13}" text-anchor="middle" fill="#b04a00">128-bit roof ${roof.toFixed(0)}</text>`);
  out.push(`<text x="${left + width}" y="${bottom + 32}" text-anchor="end">GFLOP/s, one thread</text>`);
  works.forEach((work, i) => {
    const y = top + (i + 0.5) * step;
    out.push(`<text x="${left - 12}" y="${y + 4}" text-anchor="end">${escape(work.title)}</text>`);
    out.push(`<path d="M${left} ${y}H${left + width}" stroke="#f2f2f2"/>`);
    const order = Object.keys(LOOKS).reverse(); // Faltung on top
    for (const id of order) {
      const r = shown.find((s) => s.work === work.name && s.peer === id);
      if (r?.gflops === undefined) continue;
      const [title, colour, shape] = LOOKS[/** @type {keyof typeof LOOKS} */ (id)];
      out.push(mark(shape, scale(r.gflops), y, colour, `${title}: ${r.gflops.toFixed(1)} GFLOP/s`));
    }
  });
  const present = Object.entries(LOOKS).filter(([id]) => shown.some((r) => r.peer === id));
  present.forEach(([, [title, colour, shape]], i) => {
    const [column, line] = [i % 5, Math.floor(i / 5)];
    const at = 20 + column * 172;
    out.push(
      mark(shape, at, 22 + line * 20, colour, title),
      `<text x="${at + 11}" y="${26 + line * 20}">${title}</text>`,
    );
  });
  const size = `width="${left + width + 30}" height="${bottom + 46}" viewBox="0 0 ${left + width + 30} ${bottom + 46}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="system-ui, sans-serif" font-size="12" fill="#222" role="img" aria-label="GFLOP/s of each peer on each row of the bench, one thread"><rect width="100%" height="100%" fill="#fff"/>${out.join("\n")}</svg>\n`;
}
