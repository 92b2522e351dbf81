/** Plain NCHW numbers to the channel-blocked layout `[N][⌈C/8⌉][H][W][8]` of the kernels and back. */

const product = (/** @type {readonly number[]} */ shape) => shape.reduce((a, b) => a * b, 1);

/** Floats of a tensor in a layout. @param {readonly number[]} shape @param {string} layout */
export function floatsIn(shape, layout) {
  if (layout === "plain") return product(shape);
  const [n, c, ...spatial] = shape;
  return n * Math.ceil(c / 8) * 8 * product(spatial);
}

/** @type {(shape: readonly number[], visit: (plain: number, blocked: number) => void) => void} */
function forBlocked([n, c, ...spatial], visit) {
  const cells = product(spatial);
  const blocks = Math.ceil(c / 8);
  for (let i = 0; i < n * c; i++) {
    const channel = i % c;
    const block = Math.floor(i / c) * blocks + (channel >> 3);
    for (let p = 0; p < cells; p++) visit(i * cells + p, (block * cells + p) * 8 + (channel & 7));
  }
}

/** @param {Float32Array} data @param {readonly number[]} shape @param {string} layout @param {Float32Array} target */
export function toLayout(data, shape, layout, target) {
  if (layout === "plain") target.set(data);
  else forBlocked(shape, (plain, blocked) => (target[blocked] = data[plain]));
}

/** @param {Float32Array} data @param {readonly number[]} shape @param {string} layout */
export function fromLayout(data, shape, layout) {
  if (layout === "plain") return data.slice(0, product(shape));
  const result = new Float32Array(product(shape));
  forBlocked(shape, (plain, blocked) => (result[plain] = data[blocked]));
  return result;
}
