/** The built library, once, as a program in plain JavaScript: run under each release of Node that is promised. */
await import("../packages/faltung/test/consumer/train.mjs");
console.log(`trains under Node ${process.versions.node}`);
