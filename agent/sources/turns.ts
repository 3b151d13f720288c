/** A meter that shares a line, as far as the order of requests needs to know it. Times are on performance.now()'s scale. */
export interface Sharer {
  /** It is not known to be silent: its points are not to be missed for another's sake. */
  readonly living: boolean;
  /** It answers, and failed to of late. */
  isShaky(nowMs: number): boolean;
  /** It has been silent for seconds. */
  readonly dead: boolean;
  /** It answered when it was last asked. */
  readonly answers: boolean;
  /** For how long it should have been asked, and was not. */
  overdueMs(nowMs: number): number;
  /** Line time that it had taken lately when its sample began. */
  readonly usageMs: number;
  /** What it needs next; undefined while nobody reads it. */
  claim(nowMs: number): Claim | undefined;
}

/** A sample that is under way, or the next one. */
export interface Claim {
  underWay: boolean;
  /** When it begins. */
  dueMs: number;
  deadlineMs: number;
  /** Line time that it takes in all, and still takes. */
  sampleMs: number;
  needMs: number;
}

/** A request that waits for the line. */
export interface Waiting<S extends Sharer = Sharer> {
  sharer: S;
  deadlineMs: number;
  /** With less time than this it is not worth a try. */
  leastMs: number;
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
/** A sample may take this much longer than what it took lately. */
const RESERVE = 1.2;
/** The line is free this long before the next point of a meter that answers. */
const MARGIN_MS = 5;
/** So long a meter waits for its turn in the proper order; then the others only keep their deadlines. */
const NO_PAUSE_MS = 3000;
/** So long a dead meter waits on a line that is full; one that was silent of late is asked sooner. */
const DEAD_FORGOTTEN_MS = 30_000;
const SILENT_FORGOTTEN_MS = 3000;

/**
 * The order of requests on one line. First come meters that answer and whose whole sample fits: nearest deadline, then who
 * did not fail to answer of late, then whose settings the line has, then the shorter sample, then whose sample has begun, then who has used the line least. Where not
 * all fit, those who have used the line least are the ones that count. What is left goes to the others, who has used least first: a silent meter is asked in the pauses, a slow one where
 * nobody's deadline is in danger.
 */
export function nextTurn<W extends Waiting>(
  waiting: readonly W[],
  sharers: readonly Sharer[],
  nowMs: number,
): Turn<W> | undefined {
  const forgotten = waiting.find(({ sharer }) => isForgotten(sharer, nowMs));
  if (forgotten) return { waiting: forgotten, limitMs: Math.min(forgotten.fullMs(), forgotten.expectedMs + HICCUP_MS) };
  const claims = claimsThatFit(sharers, nowMs);
  const usage = (a: W, b: W) => a.sharer.usageMs - b.sharer.usageMs;
  const order = (a: W, b: W) => {
    if (!isSameDeadline(a, b)) return a.deadlineMs - b.deadlineMs;
    const shaky = Number(a.sharer.isShaky(nowMs)) - Number(b.sharer.isShaky(nowMs));
    if (shaky !== 0) return shaky;
    const [first, second] = [claims.get(a.sharer), claims.get(b.sharer)];
    const length = lengthClass(first) - lengthClass(second);
    return Number(b.tuned()) - Number(a.tuned()) || length || isBegun(second) - isBegun(first) || usage(a, b);
  };
  const admitted = waiting.filter(({ sharer }) => claims.has(sharer)).sort(order);
  // Within what they have claimed, those of the same deadline fit in any order; a nearer one may be yet to come. Beyond it,
  // as where an answer has failed to come, each other claim counts.
  const claimed = (one: W) => (claims.get(one.sharer)?.needMs ?? 0) >= one.expectedMs;
  const inTheWay = (one: W): Claims =>
    claimed(one)
      ? new Map([...claims].filter(([, it]) => it.deadlineMs < one.deadlineMs && !isSameDeadline(it, one)))
      : claims;
  const fitting = admitted.find((one) => spareMs(one.sharer, inTheWay(one), nowMs) >= one.expectedMs);
  const first = fitting ?? admitted.find(claimed);
  if (first) return turnBeside(first, claims, nowMs);
  const others = waiting.filter(({ sharer }) => !claims.has(sharer));
  for (const one of others.sort(usage)) {
    const turn = one.sharer.living ? leftoverTurn(one, claims, nowMs) : pauseTurn(one, claims, nowMs);
    if (turn) return turn;
  }
  return undefined;
}

const isSameDeadline = (a: { deadlineMs: number }, b: { deadlineMs: number }): boolean =>
  Math.abs(a.deadlineMs - b.deadlineMs) <= SAME_DEADLINE_MS;

/** Samples of about the same length: each class is twice as long as the one before. */
const lengthClass = (claim: Claim | undefined): number => Math.ceil(Math.log2(claim?.sampleMs || 1));

const isBegun = (claim: Claim | undefined): number => (claim && claim.needMs < claim.sampleMs ? 1 : 0);

function isForgotten(sharer: Sharer, nowMs: number): boolean {
  return !sharer.living && sharer.overdueMs(nowMs) > (sharer.dead ? DEAD_FORGOTTEN_MS : SILENT_FORGOTTEN_MS);
}

/** It waits for its answer as long as the others can spare, and at least for as long as that usually takes. */
function turnBeside<W extends Waiting>(waiting: W, claims: Claims, nowMs: number): Turn<W> {
  const full = waiting.fullMs();
  const spare = spareMs(waiting.sharer, claims, nowMs);
  return { waiting, limitMs: Math.min(full, Math.max(waiting.expectedMs + HICCUP_MS, spare)) };
}

/** A sample that cannot be finished is not begun: it would use the line for nothing, and its meter would come last again. */
function leftoverTurn<W extends Waiting>(waiting: W, claims: Claims, nowMs: number): Turn<W> | undefined {
  const { sharer, expectedMs } = waiting;
  if (!isBegun(sharer.claim(nowMs)) && sharer.overdueMs(nowMs) <= NO_PAUSE_MS) return undefined;
  return spareMs(sharer, claims, nowMs) >= expectedMs ? turnBeside(waiting, claims, nowMs) : undefined;
}

/** None so long that it would be in the way of a meter that answers. */
function pauseTurn<W extends Waiting>(waiting: W, claims: Claims, nowMs: number): Turn<W> | undefined {
  const full = waiting.fullMs();
  const enough = Math.min(waiting.expectedMs, full);
  const pause = pauseMs(waiting.sharer, claims, nowMs);
  if (pause >= enough) return { waiting, limitMs: Math.min(full, pause) };
  const spare = spareMs(waiting.sharer, claims, nowMs);
  if (waiting.sharer.overdueMs(nowMs) <= NO_PAUSE_MS || spare < enough) return undefined;
  return { waiting, limitMs: Math.min(full, spare) };
}

type Claims = ReadonlyMap<Sharer, Claim>;

/** Of the meters that answer: what the line can carry, beginning with those to be relied on, and who uses it least. By deadline. */
function claimsThatFit(sharers: readonly Sharer[], nowMs: number): Claims {
  const living = sharers.flatMap((sharer) => {
    const claim = sharer.living ? sharer.claim(nowMs) : undefined;
    return claim ? [[sharer, claim] as const] : [];
  });
  // What each will have used with its sample: a long one that never fits does not gain by waiting.
  const use = ([sharer, { sampleMs }]: readonly [Sharer, Claim]) => sharer.usageMs + sampleMs;
  const shaky = ([sharer]: readonly [Sharer, Claim]) => Number(sharer.isShaky(nowMs));
  living.sort((a, b) => shaky(a) - shaky(b) || use(a) - use(b));
  let admitted: (readonly [Sharer, Claim])[] = [];
  for (const one of living) {
    const more = [...admitted, one].sort((a, b) => a[1].deadlineMs - b[1].deadlineMs);
    let atMs = nowMs;
    const fits = more.every(([, one]) => {
      atMs = Math.max(atMs, one.dueMs) + one.needMs;
      return atMs <= one.deadlineMs;
    });
    if (fits) admitted = more;
  }
  return new Map(admitted);
}

/** How long the line may be taken so that each other meter still keeps its deadline. */
function spareMs(sharer: Sharer, claims: Claims, nowMs: number): number {
  let [needed, spare] = [0, Number.POSITIVE_INFINITY];
  for (const [other, claim] of claims) {
    if (other === sharer) continue;
    needed += claim.needMs * RESERVE;
    spare = Math.min(spare, claim.deadlineMs - needed - nowMs);
  }
  return spare;
}

/** How long the line is free: until the next point of another meter that answers. */
function pauseMs(sharer: Sharer, claims: Claims, nowMs: number): number {
  const others = [...claims].filter(([other]) => other !== sharer);
  const ends = others.map(([, { underWay, dueMs }]) => (underWay ? nowMs : dueMs));
  return Math.min(...ends) - MARGIN_MS - nowMs;
}
