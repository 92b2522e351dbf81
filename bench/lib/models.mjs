/** The four networks of the bench, as Faltung has them. Every peer gets their numbers from these. */
import { faltung } from "./faltung.mjs";

/** A freshly initialised network, the same on every call. @param {string} name */
export async function makeModel(name) {
  const f = await faltung();
  f.manualSeed(1);
  switch (name) {
    case "resnet18":
      return f.resnet18();
    case "mobilenetV2":
      return f.mobilenetV2();
    case "resnet20":
      return f.resnet20();
    case "mnistCnn":
      return new f.Sequential(
        new f.Conv2d(1, 32, 3, { padding: 1 }),
        new f.ReLU(),
        new f.Conv2d(32, 64, 3, { padding: 1 }),
        new f.ReLU(),
        new f.MaxPool2d(2),
        new f.Flatten(),
        new f.Linear(64 * 14 * 14, 128),
        new f.ReLU(),
        new f.Linear(128, 10),
      );
    default:
      throw new Error(`no network is called ${name}`);
  }
}
