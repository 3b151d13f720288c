import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { collectorProcess } from '../../agent/host/collector-process.ts';
import { hostName, machineModel, uptimeAndLoad } from '../../agent/host/machine.ts';
import { memory } from '../../agent/host/memory.ts';
import { network } from '../../agent/host/network.ts';
import { cpuTemperature, temperatureOfSensors } from '../../agent/host/temperature.ts';
import { units, unitValues } from '../../agent/host/units.ts';
import { PID_FILE } from '../../agent/journal/lock.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { PC, PI, rootWith } from './fixtures.ts';

const EMPTY = '/nowhere';
const never = () => Promise.reject(new Error('asked'));

test('temperature from the thermal zone of the CPU, wherever it is in the list', async () => {
  expect(await cpuTemperature(PI, never)).toEqual({ cpu_temperature_celsius: 48.312 });
  const root = rootWith({
    'sys/class/thermal/thermal_zone0/type': 'acpitz\n',
    'sys/class/thermal/thermal_zone0/temp': '27800\n',
    'sys/class/thermal/thermal_zone1/type': 'x86_pkg_temp\n',
    'sys/class/thermal/thermal_zone1/temp': '61000\n',
  });
  expect(await cpuTemperature(root, never)).toEqual({ cpu_temperature_celsius: 61 });
  const cold = {
    'sys/class/thermal/thermal_zone0/type': 'cpu-thermal',
    'sys/class/thermal/thermal_zone0/temp': '-5200',
  };
  expect(await cpuTemperature(rootWith(cold), never)).toEqual({ cpu_temperature_celsius: -5.2 });
});

test('systeminformation is asked only where there are sensors, and no answer is no value', async () => {
  expect(await cpuTemperature(PC, never)).toEqual({});
  const root = rootWith({ 'sys/class/hwmon/hwmon0/name': 'k10temp\n' });
  expect(await cpuTemperature(root, async () => 55.5)).toEqual({ cpu_temperature_celsius: 55.5 });
  for (const none of [null, Number.NaN, 0, -1]) expect(await cpuTemperature(root, async () => none)).toEqual({});
});

test('systeminformation has an answer on this machine: a temperature, or that there is none', async () => {
  const celsius = await temperatureOfSensors();
  expect(celsius === null || typeof celsius === 'number').toBe(true);
});

test('memory and swap in bytes; a machine without swap has 0 of it, one without meminfo none of all', () => {
  expect(memory(PI)).toEqual({
    memory_total_bytes: 3885312 * 1024,
    memory_available_bytes: 3321044 * 1024,
    swap_total_bytes: 524284 * 1024,
    swap_used_bytes: 1280 * 1024,
  });
  expect(memory(PC)).toMatchObject({ swap_total_bytes: 0, swap_used_bytes: 0 });
  expect(memory(EMPTY)).toEqual({});
  expect(memory(rootWith({ 'proc/meminfo': 'MemTotal: many kB\nSwapTotal:  12 kB\n' }))).toEqual({
    swap_total_bytes: 12288,
  });
});

test('network: the sum over interfaces with hardware', () => {
  expect(network(PI)).toEqual({ network_received_bytes: 10442311 + 881022, network_sent_bytes: 5021188 + 120331 });
  expect(network(PC)).toEqual({});
  expect(network(EMPTY)).toEqual({});
});

test('uptime, load, name and model', () => {
  expect(uptimeAndLoad(PI)).toEqual({ uptime_seconds: 28912.44, load_1m: 0.21, load_5m: 0.18, load_15m: 0.11 });
  expect(uptimeAndLoad(rootWith({ 'proc/uptime': '\n', 'proc/loadavg': 'x' }))).toEqual({});
  expect([hostName(PI), machineModel(PI)]).toEqual(['raspberrypi', 'Raspberry Pi 4 Model B Rev 1.5']);
  expect([hostName(PC), machineModel(PC)]).toEqual(['desk', 'Intel(R) N100']);
  expect(machineModel(rootWith({ 'sys/class/dmi/id/product_name': 'ThinkCentre\n' }))).toBe('ThinkCentre');
  expect(machineModel(EMPTY)).toBe('');
  expect(hostName(EMPTY)).not.toBe('');
});

const SHOWN = `Id=energy-monitor-collector.service
LoadState=loaded
ActiveState=active
NRestarts=3

Id=energy-monitor-host-metrics.service
LoadState=loaded
ActiveState=inactive
NRestarts=0

Id=energy-monitor-backup@azure.service
LoadState=loaded
ActiveState=failed
NRestarts=[not set]

Id=energy-monitor-alert@energy-monitor-backup.service
LoadState=loaded
ActiveState=inactive
NRestarts=0

Id=energy-monitor-gone.service
LoadState=not-found
ActiveState=inactive
NRestarts=0
`;

test('units: state and restarts of those that are loaded', () => {
  expect(unitValues(SHOWN)).toEqual({
    unit_collector_active: 1,
    unit_collector_failed: 0,
    unit_collector_restarts: 3,
    unit_host_metrics_active: 0,
    unit_host_metrics_failed: 0,
    unit_host_metrics_restarts: 0,
    unit_backup_azure_active: 0,
    unit_backup_azure_failed: 1,
  });
  expect(unitValues('')).toEqual({});
});

test('systemctl is asked once, and only where systemd runs', () => {
  const script = `#!/bin/sh\nfor a in "$@"; do case $a in 'energy-monitor-*.service') cat <<'END'\n${SHOWN}END\n;; esac; done\n`;
  const systemctl = { 'usr/bin/systemctl': script };
  expect(units(rootWith(systemctl, 0o755))).toEqual({});
  const booted = { 'run/systemd/system/x': '' };
  expect(units(rootWith({ ...systemctl, ...booted }, 0o755))).toMatchObject({ unit_collector_restarts: 3 });
  expect(units(rootWith({ 'usr/bin/systemctl': '#!/bin/sh\nexit 1\n', ...booted }, 0o755))).toEqual({});
  expect(units(rootWith(booted))).toEqual({});
});

test("the collector's memory, unless its number is another program's by now", () => {
  const stateDir = temporaryDirectory();
  const root = rootWith({
    'proc/4711/cmdline': 'node\0--max-semi-space-size=1\0/opt/energy-monitor/agent/main.ts\0collect\0',
    'proc/4711/status': 'Name:\tnode\nVmPeak:\t  90000 kB\nVmRSS:\t   78848 kB\n',
    'proc/4712/cmdline': 'sshd: pi\0',
    'proc/4712/status': 'VmRSS:\t   8 kB\n',
  });
  const withPid = (text: string) => {
    writeFileSync(join(stateDir, PID_FILE), text);
    return collectorProcess(root, stateDir);
  };
  expect(collectorProcess(root, stateDir)).toEqual({});
  expect(withPid('4711\n')).toEqual({ collector_memory_bytes: 78848 * 1024 });
  for (const other of ['4712\n', '4713\n', '', '../..', '-1']) expect(withPid(other), other).toEqual({});
});
