/**
 * The address holds the whole state: `#/learn/padding?stride=2&padding=1&lang=ko`. What stands behind "#" is never sent
 * to a server, so one static folder works under any path.
 */
import { useEffect, useState } from "preact/hooks";

export type Query = Readonly<Record<string, string>>;

export interface Address {
  readonly path: readonly string[];
  readonly query: Query;
}

export function parseAddress(hash: string): Address {
  const [path, query = ""] = hash.replace(/^#?\/?/, "").split("?");
  return {
    path: path.split("/").filter((part) => part !== ""),
    query: Object.fromEntries(new URLSearchParams(query)),
  };
}

/** Commas, slashes and colons stay readable. */
export function formatAddress({ path, query }: Address): string {
  const encode = (s: string): string =>
    encodeURIComponent(s).replace(/%(2C|2F|3A|20)/g, (e) => (e === "%20" ? "+" : decodeURIComponent(e)));
  const pairs = Object.entries(query).map(([k, v]) => `${encode(k)}=${encode(v)}`);
  return `#/${path.join("/")}${pairs.length > 0 ? `?${pairs.join("&")}` : ""}`;
}

/** What stays when one goes to another page. */
const KEPT = ["lang", "theme"];

/** A link to another page, in the same language and colours. */
export function linkTo(current: Address, path: string, query: Query = {}): string {
  const kept = Object.fromEntries(Object.entries(current.query).filter(([key]) => KEPT.includes(key)));
  return formatAddress({ path: path.split("/"), query: { ...kept, ...query } });
}

export type Change = Readonly<Record<string, string | undefined>>;

/** Changes some of the query (undefined takes a key out) without a new entry in the history. */
export function changeQuery(change: Change): void {
  const { path, query } = parseAddress(location.hash);
  const next: Record<string, string> = { ...query };
  for (const [key, value] of Object.entries(change)) {
    if (value === undefined) delete next[key];
    else next[key] = value;
  }
  const hash = formatAddress({ path, query: next });
  if (hash === location.hash) return;
  history.replaceState(null, "", hash);
  dispatchEvent(new Event("addresschange"));
}

export function useAddress(): Address {
  const [address, setAddress] = useState(() => parseAddress(location.hash));
  useEffect(() => {
    const read = (): void => setAddress(parseAddress(location.hash));
    addEventListener("hashchange", read);
    addEventListener("addresschange", read);
    return () => {
      removeEventListener("hashchange", read);
      removeEventListener("addresschange", read);
    };
  }, []);
  return address;
}

/** Milliseconds after which a value that moves is taken to stand still. */
const SETTLED = 250;

/**
 * One value of the address that changes faster than a browser lets addresses change (with every move of the pointer): it
 * is written as soon as it stands still.
 */
export function useQuickQuery(key: string): readonly [string | undefined, (value: string | undefined) => void] {
  const { query } = useAddress();
  const [moving, setMoving] = useState<{ readonly value: string | undefined }>();
  useEffect(() => {
    if (moving === undefined) return;
    const timer = setTimeout(() => {
      changeQuery({ [key]: moving.value });
      setMoving(undefined);
    }, SETTLED);
    return () => clearTimeout(timer);
  }, [moving]);
  return [moving ? moving.value : query[key], (value) => setMoving({ value })];
}
