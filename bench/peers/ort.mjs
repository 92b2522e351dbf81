/** What both builds of ONNX Runtime share. Their convolution takes NCHW; what it reorders inside is part of its time. */

/**
 * @param {any} ort
 * @param {import("./serve.mjs").Row} row
 * @param {(file: string) => Promise<any>} create
 * @param {boolean} inPlace whether it can write its result into a given tensor
 * @returns {Promise<import("./serve.mjs").Loaded>}
 */
export async function loadOnnx(ort, row, create, inPlace) {
  if (row.onnx === undefined) {
    // It has no gradients any more: its own words come from asking for them.
    return new ort.TrainingSession(row.work.name);
  }
  const session = await create(row.onnx);
  const [name] = session.inputNames;
  const [out] = session.outputNames;
  const feeds = { [name]: new ort.Tensor("float32", row.data[name], row.shapes[name]) };
  /** @type {Record<string, any> | undefined} */
  let results;
  return {
    run: async () => {
      // The native build may write a later run's result where the first one's is: no run allocates it anew.
      results = await (inPlace && results !== undefined ? session.run(feeds, results) : session.run(feeds));
    },
    output: () => results?.[out].data,
  };
}
