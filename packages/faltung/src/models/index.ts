/** Networks of the literature, each in a page, and how to make any network from its description. */
export { build, parseSpec, registerModule } from "./build.ts";
export { lenet5 } from "./lenet.ts";
export { mobilenetV2 } from "./mobilenet.ts";
export { cifarResnet, imagenetResnet, resnet18, resnet20 } from "./resnet.ts";
export { small } from "./small.ts";
