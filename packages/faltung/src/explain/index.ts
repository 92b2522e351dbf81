/** Looking inside: feature maps, saliency, Grad-CAM, receptive fields, the most activating pictures. */
export { type Activation, type ActivatingOptions, mostActivating } from "./activating.ts";
export { type FeatureMap, featureMaps, gradCam, saliency } from "./explain.ts";
export {
  type Explanation,
  type InspectOptions,
  type InspectedLayer,
  type Inspector,
  type Look,
  inspect,
} from "./inspect.ts";
export { type SeenBox, seenBy } from "./receptive.ts";
