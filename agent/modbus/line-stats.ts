/** What a line has seen since its start; every number only grows. */
export interface LineStats {
  requests: number;
  answers: number;
  timeouts: number;
  crcErrors: number;
  exceptions: number;
  truncated: number;
  noise: number;
  /** Bytes outside of any reply: late or doubled replies, noise, glitches before a frame. */
  strayBytes: number;
  echoes: number;
  disconnects: number;
}

export function newLineStats(): LineStats {
  return {
    requests: 0,
    answers: 0,
    timeouts: 0,
    crcErrors: 0,
    exceptions: 0,
    truncated: 0,
    noise: 0,
    strayBytes: 0,
    echoes: 0,
    disconnects: 0,
  };
}
