/** Builds the lab to a folder (`dist` beside this file unless given). */
export function buildLab(outDir?: string): Promise<void>;
