// @ts-check
import { serverNow } from '../core/api.js';
import { h } from '../core/dom.js';
import { bytes, dayMonthYear, duration, number } from '../core/format.js';
import { t } from '../core/messages.js';
import { factCard } from './health-card.js';
import { mark } from './health-line.js';

/** @typedef {import('../types').Health} Health */

/** @param {string | null | undefined} time */
const ago = (time) => (time ? t('ago', { time: duration(Math.max(0, serverNow() - Date.parse(time)) / 1000) }) : null);
/** @param {boolean} isGood @param {string} text */
const marked = (isGood, text) => h('span', { class: 'with-mark' }, mark(isGood ? 'ok' : 'warning'), text);

/** @param {import('../types').HealthServer} server */
export function serverCard({ name, taken, waiting, waitingIsLeast, quarantined, catchingUp, problem }) {
  const lagS = taken ? (serverNow() - Date.parse(taken)) / 1000 : undefined;
  return factCard(t('health.server', { name }), '', [
    [
      t('health.state'),
      marked(problem === null, problem?.message ?? t(catchingUp ? 'health.catching-up' : 'health.delivered')),
    ],
    [t('health.hint'), problem?.hint],
    [t('health.lag'), lagS === undefined ? t('health.never') : duration(Math.max(0, lagS))],
    [
      t('health.waiting'),
      waiting > 0 ? `${waitingIsLeast && waiting >= 1e6 ? '≥ ' : ''}${number(waiting)}` : t('health.none'),
    ],
    [t('health.quarantined'), quarantined > 0 ? number(quarantined) : null],
  ]);
}

/** @param {import('../types').HealthBackup} backup */
export function backupCard({ store, label, good, verified, drilled, expires, problem }) {
  return factCard(t('health.backup', { store }), label ?? '', [
    [
      t('health.state'),
      marked(problem === null && good !== null, problem ?? t(good ? 'health.backed-up' : 'health.never')),
    ],
    [t('health.last-backup'), ago(good?.time)],
    [
      t('health.verified'),
      verified
        ? `${ago(verified.time)}${verified.problems > 0 ? `, ${t('health.findings', { n: verified.problems })}` : ''}`
        : null,
    ],
    [
      t('health.drilled'),
      drilled ? `${ago(drilled.time)}, ${t(drilled.succeeded ? 'health.succeeded' : 'health.failed')}` : null,
    ],
    [t('health.expires'), expires ? dayMonthYear(Date.parse(expires)) : null],
  ]);
}

/** @param {Health} health */
export function agentCard({ version, uptimeSeconds, clock, journal, history }) {
  return factCard(t('health.agent'), version, [
    [
      t('health.running'),
      uptimeSeconds === null
        ? marked(false, t('health.not-running'))
        : duration(uptimeSeconds < 60 ? uptimeSeconds : Math.floor(uptimeSeconds / 60) * 60),
    ],
    [
      t('health.clock'),
      clock
        ? marked(
            clock.trusted,
            t(
              clock.trusted
                ? clock.confirmed
                  ? 'health.clock-good'
                  : 'health.clock-unconfirmed'
                : 'health.clock-doubt',
            ),
          )
        : null,
    ],
    [t('health.journal'), journal.bytes === null ? null : bytes(journal.bytes)],
    [t('health.readings-since'), journal.from ? dayMonthYear(Date.parse(journal.from)) : null],
    [t('health.held'), journal.held > 0 ? number(journal.held) : null],
    [t('health.history'), history.bytes === null ? null : bytes(history.bytes)],
  ]);
}

const FLAGS = ['under_voltage', 'throttled', 'frequency_capped', 'soft_temperature_limit'];

/** @param {Health} health */
export function machineCard({ machine: { model, values, diskFullDays, writtenBytesPerDay, metricsTime } }) {
  const { cpu_temperature_celsius: celsius, disk_free_bytes: free, disk_total_bytes: total } = values;
  const flags = Object.keys(values).filter((name) => values[name] === 1 && FLAGS.some((flag) => name.startsWith(flag)));
  return factCard(t('health.machine'), model, [
    [t('health.temperature'), celsius === undefined ? null : `${number(celsius)} °C`],
    [
      t('health.power-supply'),
      values.under_voltage === undefined
        ? null
        : marked(flags.length === 0, flags.length === 0 ? t('health.none') : flags.join(', ').replaceAll('_', ' ')),
    ],
    [
      t('health.disk'),
      free === undefined || total === undefined
        ? null
        : t('health.disk-free', { free: bytes(free), total: bytes(total) }),
    ],
    [t('health.disk-full'), diskFullDays === null || diskFullDays > 3650 ? null : duration(diskFullDays * 86_400)],
    [t('health.written'), writtenBytesPerDay === null ? null : bytes(writtenBytesPerDay)],
    [t('health.metrics'), ago(metricsTime)],
  ]);
}
