import type { Idea } from "./idea.ts";
import { BASICS } from "./ideas-basics.ts";
import { LAYERS } from "./ideas-layers.ts";
import { NETWORKS } from "./ideas-networks.ts";

/** All pages of "Learn", in the order in which one reads them. */
export const IDEAS: readonly Idea[] = [...BASICS, ...LAYERS, ...NETWORKS];
