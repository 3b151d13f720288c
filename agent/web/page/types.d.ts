/** What the page knows of the answers of /api/v1; times as text are ISO 8601 in UTC, columns are milliseconds since 1970. */

export interface Quantity {
  name: string;
  label: string;
  unit: string;
  kind: 'gauge' | 'counter' | 'flag';
}

export interface Meter {
  name: string;
  model: string;
  intervalMs: number | null;
  lastReading: string | null;
  connected: boolean | null;
  quantities: Quantity[];
}

export interface Meters {
  timeZone: string | null;
  meters: Meter[];
}

export interface Column {
  unit: string;
  mean?: (number | null)[];
  min?: (number | null)[];
  max?: (number | null)[];
}

export interface Series {
  meter: string;
  from: string;
  to: string;
  resolution: string;
  stepMs: number | null;
  timesMs: number[];
  quantities: Record<string, Column>;
}

export interface Amount {
  amount: number;
  estimated: number;
  breaks: number;
  unit: string;
}

export interface Period {
  label: string;
  from: string;
  to: string;
  hours: number;
  isRead: boolean;
  energies: Record<string, Amount>;
}

export interface Energy {
  meter: string;
  by: string;
  periods: Period[];
  total: Record<string, Amount>;
}

export interface LoadPeriod {
  label: string;
  from: string;
  to: string;
  baseW: number | null;
  peakW: number | null;
  peakTime: string | null;
}

export interface Load {
  periods: LoadPeriod[];
}

export interface Gap {
  from: string;
  to: string;
  seconds: number;
  cause: string;
}

export interface Gaps {
  from: string;
  to: string;
  gaps: Gap[];
  missing: number;
  truncated: boolean;
}

export interface Trouble {
  id: string;
  severity: 'warning' | 'critical';
  message: string;
  remedy: string;
}

/** An outcome of the stream: a reading has values, a gap a cause. */
export interface Outcome {
  meter: string;
  time: string;
  held: boolean;
  values?: Record<string, number>;
  cause?: string;
  message?: string;
}

export interface Hello {
  version: string;
  timeZone: string | null;
  meters: string[];
}

export interface HealthMeter {
  name: string;
  model: string | null;
  intervalMs: number | null;
  line: string | null;
  connected: boolean | null;
  good: number | null;
  gaps: Record<string, number> | null;
  suspicious: number | null;
  lineStats: Record<string, number> | null;
  lastReading: string | null;
  today: { from: string; points: number; missed: Record<string, number> } | null;
  problem: { message: string; hint: string | null } | null;
}

export interface HealthServer {
  name: string;
  taken: string | null;
  waiting: number;
  waitingIsLeast: boolean;
  quarantined: number;
  catchingUp: boolean | null;
  problem: { message: string; hint: string | null; since: string | null } | null;
}

export interface HealthBackup {
  store: string;
  label: string | null;
  tried: string | null;
  good: { sequence: number; time: string } | null;
  verified: { time: string; problems: number } | null;
  drilled: { time: string; succeeded: boolean } | null;
  expires: string | null;
  problem: string | null;
}

export interface Health {
  status: 'ok' | 'warning' | 'critical';
  version: string;
  time: string;
  uptimeSeconds: number | null;
  problems: Trouble[];
  clock: { trusted: boolean; confirmed: boolean } | null;
  meters: HealthMeter[];
  journal: { readable: boolean; from: string | null; to: string | null; bytes: number | null; held: number };
  history: { bytes: number | null };
  servers: HealthServer[];
  backups: HealthBackup[];
  machine: {
    model: string;
    values: Record<string, number>;
    metricsTime: string | null;
    diskFullDays: number | null;
    writtenBytesPerDay: number | null;
  };
}
