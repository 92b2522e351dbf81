/**
 * A loop that never waits for anything starves the thread it runs on: no signal is handled, no line is drawn, no page
 * answers. {@link createBreather} lets others have a turn now and then.
 */

/** Milliseconds of work before others have a turn: less than two frames of a screen. */
const WORK_MS = 25;

/** Returns a function to call in every round of a loop; it waits one turn of the event loop when it is due. */
export function createBreather(): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < WORK_MS) return;
    await turn();
    last = performance.now();
  };
}

/** A message to oneself: unlike setTimeout, browsers do not delay it. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port2.addEventListener("message", () => {
      port2.close();
      resolve();
    });
    port2.start();
    port1.postMessage(null);
  });
}
