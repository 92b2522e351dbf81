/** ConvNetJS (2014): one picture at a time, double-precision loops, rows × columns × channels. */
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

export function open() {
  const convnetjs = require("convnetjs");
  const { Vol } = convnetjs;

  /** One picture of a batch. @type {(data: Float32Array, shape: readonly number[], n: number) => any} */
  const picture = (data, [, c, h, w], n) => {
    const vol = new Vol(w, h, c, 0);
    for (let k = 0; k < c; k++) for (let i = 0; i < h * w; i++) vol.w[i * c + k] = data[(n * c + k) * h * w + i];
    return vol;
  };
  const fillFilters = (
    /** @type {any} */ layer,
    /** @type {Float32Array} */ data,
    /** @type {readonly number[]} */ shape,
  ) =>
    layer.filters.forEach((/** @type {any} */ filter, /** @type {number} */ o) =>
      filter.w.set(picture(data, shape, o).w),
    );

  /** @param {import("./serve.mjs").Row} row @returns {import("./serve.mjs").Loaded} */
  function load({ work, data, shapes, labels, sgd }) {
    if (work.kind === "train" && work.model === "mnistCnn")
      return train({ data, shapes, labels: /** @type {Int32Array} */ (labels), sgd });
    if (work.kind === "infer" || work.kind === "train") {
      // Its own answer to a layer that it does not have goes to the console.
      let said = "";
      const log = console.log;
      console.log = (...words) => (said = words.join(" "));
      try {
        new convnetjs.Net().makeLayers([
          { type: "input", out_sx: 8, out_sy: 8, out_depth: 1 },
          { type: "batchnorm" },
          { type: "softmax", num_classes: 2 },
        ]);
      } catch (error) {
        said ||= String(error);
      } finally {
        console.log = log;
      }
      throw new Error(`${said.trim()} (batchnorm)`);
    }
    const { shape } = work;
    if (shape.groups > 1) throw new Error("ConvLayer has no groups: it would compute another function");
    const layer = new convnetjs.ConvLayer({
      sx: shape.kernel,
      filters: shape.outChannels,
      in_depth: shape.channels,
      in_sx: shape.size,
      in_sy: shape.size,
      stride: shape.stride,
      pad: shape.padding,
    });
    fillFilters(layer, data["weight"], shapes["weight"]);
    const xs = Array.from({ length: shape.batch }, (_, n) => picture(data["x"], shapes["x"], n));
    const dys = Array.from({ length: shape.batch }, (_, n) => picture(data["dy"], shapes["dy"], n).w);
    /** @type {any[]} */
    let outs = [];
    const gradients = work.kind !== "conv";
    /** @type {(volumes: readonly any[], field: string, out: readonly number[]) => Float32Array} */
    const gather = (volumes, field, [, c, h, w]) => {
      const all = new Float32Array(volumes.length * c * h * w);
      volumes.forEach((vol, n) => {
        for (let k = 0; k < c; k++)
          for (let i = 0; i < h * w; i++) all[(n * c + k) * h * w + i] = vol[field][i * c + k];
      });
      return all;
    };
    return {
      run: () => {
        if (gradients) for (const filter of layer.filters) filter.dw.fill(0);
        // Both gradients come from one call, which needs the forward pass before it.
        outs = xs.map((x, n) => {
          const y = layer.forward(x, true);
          if (gradients) {
            y.dw.set(dys[n]);
            layer.backward();
          }
          return y;
        });
      },
      output: () =>
        work.kind === "conv"
          ? gather(outs, "w", shapes["dy"])
          : work.kind === "gradInput"
            ? gather(xs, "dw", shapes["x"])
            : gather(layer.filters, "dw", shapes["weight"]),
    };
  }

  /** @param {{ data: Record<string, Float32Array>, shapes: Record<string, readonly number[]>, labels: Int32Array, sgd: { lr: number, momentum: number } }} row */
  function train({ data, shapes, labels, sgd }) {
    const net = new convnetjs.Net();
    net.makeLayers([
      { type: "input", out_sx: 28, out_sy: 28, out_depth: 1 },
      { type: "conv", sx: 3, filters: 32, stride: 1, pad: 1, activation: "relu" },
      { type: "conv", sx: 3, filters: 64, stride: 1, pad: 1, activation: "relu" },
      { type: "pool", sx: 2, stride: 2 },
      { type: "fc", num_neurons: 128, activation: "relu" },
      { type: "softmax", num_classes: 10 },
    ]);
    const layers = net.layers.filter((/** @type {any} */ l) => l.filters !== undefined);
    const folded = { "6.weight": [128, 64, 14, 14], "8.weight": [10, 128, 1, 1] };
    ["0", "2", "6", "8"].forEach((key, i) => {
      const name = `state.${key}.weight`;
      fillFilters(layers[i], data[name], folded[/** @type {"6.weight"} */ (`${key}.weight`)] ?? shapes[name]);
      layers[i].biases.w.set(data[`state.${key}.bias`]);
    });
    const trainer = new convnetjs.SGDTrainer(net, {
      learning_rate: sgd.lr,
      momentum: sgd.momentum,
      batch_size: labels.length,
      l2_decay: 0,
    });
    const xs = Array.from(labels, (_, n) => picture(data["x"], shapes["x"], n));
    return {
      run: () => xs.reduce((sum, x, n) => sum + trainer.train(x, labels[n]).cost_loss, 0) / xs.length,
    };
  }
  return { version: require("convnetjs/package.json").version, load };
}
