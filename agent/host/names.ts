/** Names of measurement `host` that others than its sources know: dashboards and alerts. */
export const HOST = {
  cpuLoad: 'cpu_load_percent',
  cpuTemperature: 'cpu_temperature_celsius',
  underVoltage: 'under_voltage',
  frequencyCapped: 'frequency_capped',
  throttled: 'throttled',
  softTemperatureLimit: 'soft_temperature_limit',
  memoryTotal: 'memory_total_bytes',
  memoryAvailable: 'memory_available_bytes',
  swapUsed: 'swap_used_bytes',
  collectorMemory: 'collector_memory_bytes',
  diskTotal: 'disk_total_bytes',
  diskFree: 'disk_free_bytes',
  diskWritten: 'disk_written_bytes',
  uptime: 'uptime_seconds',
} as const;

/** Of a unit of systemd, by its name: how often systemd has started it anew. */
export const UNIT_RESTARTS = { prefix: 'unit_', suffix: '_restarts' } as const;
