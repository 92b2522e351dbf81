/** What outlives a reload, in IndexedDB: the run, its state at the end of every epoch, the user's own pictures. */

const DATABASE = "faltung-lab";
const STORE = "kept";

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.addEventListener("upgradeneeded", () => request.result.createObjectStore(STORE));
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error ?? new Error("IndexedDB")));
  });
}

async function transact<T>(
  mode: IDBTransactionMode,
  work: (store: IDBObjectStore) => IDBRequest<T> | undefined,
): Promise<T | undefined> {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = work(transaction.objectStore(STORE));
      transaction.addEventListener("complete", () => resolve(request?.result));
      transaction.addEventListener("error", () => reject(transaction.error ?? new Error("IndexedDB")));
      transaction.addEventListener("abort", () => reject(transaction.error ?? new Error("IndexedDB")));
    });
  } finally {
    database.close();
  }
}

/** undefined if nothing is kept under that name, or storage is refused (a private window). */
export async function load<T>(key: string): Promise<T | undefined> {
  try {
    return (await transact("readonly", (store) => store.get(key))) as T | undefined;
  } catch {
    return undefined;
  }
}

/** Keeps all of them or none. @returns false where storage is refused or full */
export async function keep(entries: Readonly<Record<string, unknown>>): Promise<boolean> {
  try {
    await transact("readwrite", (store) => {
      for (const [key, value] of Object.entries(entries)) store.put(value, key);
      return undefined;
    });
    return true;
  } catch {
    return false;
  }
}

/** Forgets everything whose name begins so. */
export async function forget(prefix: string): Promise<void> {
  try {
    await transact("readwrite", (store) => {
      store.delete(IDBKeyRange.bound(prefix, `${prefix}\uffff`));
      return undefined;
    });
  } catch {
    // There is nothing to forget where nothing is kept.
  }
}

export const KEYS = {
  config: "run/config",
  state: "run/state",
  history: "run/history",
  epoch: (epoch: number): string => `run/epoch/${epoch}`,
  /** The model at the end of the last epoch. */
  model: "run/model",
  /** The pictures that the run learns from, if they are the user's own. */
  runOwn: "run/own",
  /** The user's own pictures, as they stand in the editor. */
  own: "own",
  /** A model that was opened from a file. */
  opened: "opened",
} as const;
