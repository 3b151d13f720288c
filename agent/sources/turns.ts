/** A meter that shares a line, as far as the order of requests needs to know it. Times are on performance.now()'s scale. */
export interface Sharer {
  /** It answered when it was last asked, or was never asked: its points are not to be missed for another's sake. */
  readonly living: boolean;
  /** It answered when it was last asked. */
  readonly answers: boolean;
  /** For how long it should have been asked, and was not. */
  overdueMs(nowMs: number): number;
  /** Line time that it has taken lately. */
  usageMs(nowMs: number): number;
  /** What it needs next; undefined while nobody reads it. */
  claim(nowMs: number): Claim | undefined;
}

/** A sample that is under way, or the next one. */
export interface Claim {
  underWay: boolean;
  /** It has had a turn already. */
  begun: boolean;
  /** When it begins. */
  dueMs: number;
  deadlineMs: number;
  /** Line time that it still takes. */
  needMs: number;
}

/** A request that waits for the line. */
export interface Waiting<S extends Sharer = Sharer> {
  sharer: S;
  deadlineMs: number;
  /** What it takes on the line at least, with its answer. */
  wireMs: number;
  /** What it usually takes. */
  expectedMs: number;
  /** What it may take at most. */
  fullMs: () => number;
  /** The line has the settings that this request needs. */
  tuned: () => boolean;
}

/** Who is next, and how long its request may take. */
export interface Turn<W extends Waiting> {
  waiting: W;
  limitMs: number;
}

/** Deadlines this close are the same: points of one grid begin within some milliseconds. */
const SAME_DEADLINE_MS = 20;
/** A meter that answers may be this much later than ever lately. */
const HICCUP_MS = 50;
/** The line is free this long before the next point of a meter that answers. */
const MARGIN_MS = 5;
/** So long a silent meter waits for a pause; then the others only keep their deadlines. */
const NO_PAUSE_MS = 3000;
/** So long a silent meter waits on a line that is full. */
const FORGOTTEN_MS = 30_000;

/**
 * The order of requests on one line. Meters that answer come first: nearest deadline, then whose sample has begun, then
 * whose settings the line has, then who has used it least. None takes longer than the others can spare before their
 * deadlines; where not all fit, those who have used the line least go first. A silent meter is asked in the pauses.
 */
export function nextTurn<W extends Waiting>(
  waiting: readonly W[],
  sharers: readonly Sharer[],
  nowMs: number,
): Turn<W> | undefined {
  const forgotten = waiting.find(({ sharer }) => !sharer.living && sharer.overdueMs(nowMs) > FORGOTTEN_MS);
  if (forgotten) return { waiting: forgotten, limitMs: Math.min(forgotten.fullMs(), forgotten.expectedMs + HICCUP_MS) };
  const living = waiting.filter(({ sharer }) => sharer.living);
  if (living.length === 0) return pauseTurn(waiting, sharers, nowMs);
  const spare = new Map(living.map((one) => [one, spareMs(one.sharer, sharers, nowMs)]));
  const fitting = living.filter((one) => (spare.get(one) ?? 0) >= one.expectedMs);
  const usage = (a: W, b: W) => a.sharer.usageMs(nowMs) - b.sharer.usageMs(nowMs);
  const order = (a: W, b: W) => {
    if (Math.abs(a.deadlineMs - b.deadlineMs) > SAME_DEADLINE_MS) return a.deadlineMs - b.deadlineMs;
    const begun = Number(b.sharer.claim(nowMs)?.begun) - Number(a.sharer.claim(nowMs)?.begun);
    return begun || Number(b.tuned()) - Number(a.tuned()) || usage(a, b);
  };
  const first = fitting.length > 0 ? fitting.sort(order)[0] : living.sort(usage)[0];
  if (!first) return undefined;
  const full = first.fullMs();
  const limitMs = Math.max(Math.min(full, first.expectedMs + HICCUP_MS), Math.min(full, spare.get(first) ?? full));
  return { waiting: first, limitMs };
}

/** The most overdue first; none so long that it would be in the way of a meter that answers. */
function pauseTurn<W extends Waiting>(
  waiting: readonly W[],
  sharers: readonly Sharer[],
  nowMs: number,
): Turn<W> | undefined {
  for (const one of [...waiting].sort((a, b) => b.sharer.overdueMs(nowMs) - a.sharer.overdueMs(nowMs))) {
    const full = one.fullMs();
    const enough = Math.min(one.expectedMs, full);
    const pause = pauseMs(one.sharer, sharers, nowMs);
    if (pause >= enough) return { waiting: one, limitMs: Math.min(full, pause) };
    const spare = spareMs(one.sharer, sharers, nowMs);
    if (one.sharer.overdueMs(nowMs) > NO_PAUSE_MS && spare >= enough)
      return { waiting: one, limitMs: Math.min(full, spare) };
  }
  return undefined;
}

/** How long the line may be taken so that each other meter that answers still keeps its deadline. */
export function spareMs(sharer: Sharer, sharers: readonly Sharer[], nowMs: number): number {
  let [needed, spare] = [0, Number.POSITIVE_INFINITY];
  for (const claim of claimsOfOthers(sharer, sharers, nowMs).sort((a, b) => a.deadlineMs - b.deadlineMs)) {
    needed += claim.needMs;
    spare = Math.min(spare, claim.deadlineMs - needed - nowMs);
  }
  return spare;
}

/** How long the line is free: until the next point of another meter that answers. */
function pauseMs(sharer: Sharer, sharers: readonly Sharer[], nowMs: number): number {
  const ends = claimsOfOthers(sharer, sharers, nowMs).map(({ underWay, dueMs }) => (underWay ? nowMs : dueMs));
  return Math.min(...ends) - MARGIN_MS - nowMs;
}

/** Without those that need more than their whole interval: they could never be served. */
function claimsOfOthers(sharer: Sharer, sharers: readonly Sharer[], nowMs: number): Claim[] {
  return sharers.flatMap((other) => {
    const claim = other === sharer || !other.living ? undefined : other.claim(nowMs);
    return claim && claim.needMs < claim.deadlineMs - claim.dueMs ? [claim] : [];
  });
}
