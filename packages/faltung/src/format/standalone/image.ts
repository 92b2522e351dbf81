/**
 * The memory of a standalone module: which bytes of a planned arena it needs, moved together, and what they hold before
 * the first run as data segments.
 */
import { CONTROL_BYTES, type Job, type Plan, type Region, SLACK } from "../../backend/plan.ts";

/** Jobs moved to new addresses, and where the old ones went. */
export interface Compacted {
  readonly plan: Plan;
  /** @throws if the address is in no region that was kept */
  moved(address: number): number;
}

/** Kernels choose addresses by how they lie in a page (so that streams do not evict each other): a move keeps that. */
const PAGE = 4096;
/** As in an arena: kernels may point below what they read, and address 0 is what C takes for none. */
const FIRST = CONTROL_BYTES;

interface Range {
  readonly from: number;
  readonly to: number;
}

/** Leaves out of the arena what none of the jobs touches. @param kept regions that stay even so: inputs, outputs */
export function compact(plan: Plan, jobs: readonly Job[], kept: readonly Region[]): Compacted {
  const { address: scratch, stride } = plan.scratch;
  const regions = [
    ...kept,
    { address: scratch, bytes: stride },
    ...jobs.flatMap((job) => job.stages.flatMap((s) => s.pointers)),
  ];
  let end = FIRST;
  const moves = merged(regions).map(({ from, to }) => {
    const start = end + ((((from - end) % PAGE) + PAGE) % PAGE);
    end = start + to - from;
    return { from, to, start };
  });
  const moved = (address: number): number => {
    const move = moves.find(({ from, to }) => from <= address && address < to);
    if (move === undefined) throw new Error(`address ${address} is in no region that was kept`);
    return address - move.from + move.start;
  };
  const place = (region: Region): Region =>
    region.bytes === 0 ? region : { ...region, address: moved(region.address) };
  return {
    plan: {
      threads: 1,
      jobs: jobs.map((job) => ({
        ...job,
        stages: job.stages.map((stage) => ({ ...stage, pointers: stage.pointers.map(place) })),
      })),
      scratch: { address: stride === 0 ? 0 : moved(scratch), stride },
      bytes: end + SLACK,
    },
    moved,
  };
}

/** What the jobs read without having written it: states, constants, and what was prepared; not the `given` inputs. */
export function initial(jobs: readonly Job[], given: readonly Region[]): Region[] {
  const stages = jobs.flatMap((job) => job.stages);
  const pointers = (written: boolean): Region[] =>
    stages.flatMap((stage) => stage.pointers.filter((_, i) => stage.writes.includes(i) === written));
  const made = merged([...given, ...pointers(true)]);
  const overlaps = ({ address, bytes }: Region): boolean =>
    made.some(({ from, to }) => address < to && from < address + bytes);
  return merged(pointers(false).filter((region) => !overlaps(region))).map(({ from, to }) => ({
    address: from,
    bytes: to - from,
  }));
}

/** Regions as ranges in order, those that touch or overlap as one. */
function merged(regions: readonly Region[]): Range[] {
  const sorted = regions.filter(({ bytes }) => bytes > 0).sort((a, b) => a.address - b.address);
  const ranges: { from: number; to: number }[] = [];
  for (const { address, bytes } of sorted) {
    const last = ranges.at(-1);
    if (last !== undefined && address <= last.to) last.to = Math.max(last.to, address + bytes);
    else ranges.push({ from: address, to: address + bytes });
  }
  return ranges;
}

export interface Segment {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** A segment's own header takes about as much; a shorter run of zeros is written with the rest. */
const ZEROS = 16;

/** Segments that hold everything but the longer runs of zeros, which memory holds by itself. */
export function segments(pieces: readonly Segment[]): Segment[] {
  return pieces.flatMap(({ address, bytes }) => {
    const found: Segment[] = [];
    let start = -1;
    let zeros = 0;
    for (let i = 0; i <= bytes.length; i++) {
      if (i < bytes.length && bytes[i] !== 0) {
        if (start < 0) start = i;
        zeros = 0;
      } else if (start >= 0 && (++zeros > ZEROS || i === bytes.length)) {
        found.push({ address: address + start, bytes: bytes.subarray(start, i - zeros + 1) });
        start = -1;
        zeros = 0;
      }
    }
    return found;
  });
}

/** What segments take in a file, roughly. */
export function sizeOfSegments(list: readonly Segment[]): number {
  return list.reduce((sum, { bytes }) => sum + bytes.length + 8, 0);
}
