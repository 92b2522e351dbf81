/** A static server for a folder, at `path`, with the headers of cross-origin isolation or without. */
export function serveFolder(
  folder: string,
  options: { readonly isolated: boolean; readonly path?: string },
): Promise<{ readonly url: string; close(): Promise<void> }>;
