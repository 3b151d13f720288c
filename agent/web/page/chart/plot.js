// @ts-check
import { clock, number } from '../core/format.js';
import { emptyCurve, holesOf } from './curve.js';
import { decimalsOf, timeTicks, valueTicks } from './ticks.js';

/** @typedef {import('./curve.js').Curve} Curve */

const FONT = '12px system-ui, sans-serif';
const PIXELS_A_MINUTE = 58;
const PIXELS_A_SECOND = 84;
const PIXELS_A_VALUE = 56;

/** @param {Element} element @param {string} name of a property of the style sheet, where light and dark are told apart */
const colour = (element, name) => getComputedStyle(element).getPropertyValue(name).trim();

/** @param {Curve} curve @returns {uPlot.AlignedData} */
const columns = ({ timesMs, mean, min, max }) => [timesMs, mean, min ?? mean, max ?? mean];

/**
 * What uPlot draws in `element`: one curve with the span between its least and its greatest, and holes where there is no value.
 * @param {HTMLElement} element
 * @param {{height: () => number, unit: string, onCursor: (index: number | null) => void, onSelect?: (fromMs: number, toMs: number) => void, onReset?: () => void}} options
 */
export function createPlot(element, { height, unit, onCursor, onSelect, onReset }) {
  let curve = emptyCurve(0, 1);
  /** @type {number[]} */
  let values = [0, 1];
  const paint = (/** @type {string} */ name) => () => colour(element, name);
  const plot = new uPlot(
    {
      width: element.clientWidth || 300,
      height: height(),
      legend: { show: false },
      padding: [12, 20, 0, 0],
      cursor: {
        y: false,
        points: { size: 9, width: 2, stroke: paint('--surface'), fill: paint('--accent') },
        drag: { x: onSelect !== undefined, y: false, setScale: false },
        bind: {
          dblclick: () => () => {
            onReset?.();
            return null;
          },
        },
      },
      scales: {
        x: { time: false, range: () => [curve.fromMs, curve.toMs] },
        y: { range: () => [values[0] ?? 0, values.at(-1) ?? 1] },
      },
      axes: [
        {
          stroke: paint('--ink-soft'),
          font: FONT,
          size: 30,
          gap: 6,
          grid: { show: false },
          ticks: { stroke: paint('--line'), width: 1, size: 5 },
          splits: (u) => ticksOf(curve, u).ticks,
          values: (u, splits) => splits.map(ticksOf(curve, u).label),
        },
        {
          stroke: paint('--ink-soft'),
          font: FONT,
          size: 58,
          gap: 8,
          grid: { stroke: paint('--line'), width: 1 },
          ticks: { show: false },
          splits: () => values,
          values: (_u, splits) => axisTexts(splits, unit),
        },
      ],
      series: [
        {},
        { stroke: paint('--accent'), width: 1.75, points: { show: (_u, _i, from, to) => to - from < 2 } },
        { stroke: 'transparent', width: 0, points: { show: false } },
        { stroke: 'transparent', width: 0, points: { show: false } },
      ],
      bands: [{ series: [3, 2], fill: paint('--band') }],
      hooks: {
        drawClear: [(u) => shadeHoles(u, curve, colour(element, '--hole'))],
        setCursor: [(u) => onCursor(u.cursor.idx ?? null)],
        setSelect: [
          (u) => {
            const { left, width } = u.select;
            if (width < 6) return;
            u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
            onSelect?.(u.posToVal(left, 'x'), u.posToVal(left + width, 'x'));
          },
        ],
      },
    },
    columns(curve),
    element,
  );
  return {
    over: plot.over,
    /** @param {Curve} next @param {{least: number, greatest: number}} extremes */
    show(next, { least, greatest }) {
      curve = next;
      values = valueTicks(least, greatest, Math.max(2, (height() - 40) / PIXELS_A_VALUE));
      plot.setData(columns(curve));
    },
    resize: () => plot.setSize({ width: element.clientWidth, height: height() }),
    repaint: () => plot.redraw(false, true),
    /** @param {number} index */
    point(index) {
      plot.setCursor({ left: plot.valToPos(curve.timesMs[index] ?? 0, 'x'), top: 10 });
    },
    unpoint: () => plot.setCursor({ left: -10, top: -10 }),
    /** @param {number} left @param {number} right in pixels */
    select: (left, right) =>
      plot.setSelect(
        { left: Math.min(left, right), width: Math.abs(right - left), top: 0, height: plot.over.clientHeight },
        false,
      ),
    selected() {
      plot.setSelect(plot.select, true);
    },
    destroy: () => plot.destroy(),
  };
}

/** @typedef {ReturnType<typeof createPlot>} Plot */

/** @param {Curve} curve @param {uPlot} plot */
function ticksOf({ fromMs, toMs }, { over }) {
  const found = timeTicks(fromMs, toMs, over.clientWidth / PIXELS_A_MINUTE);
  return found.label === clock ? timeTicks(fromMs, toMs, over.clientWidth / PIXELS_A_SECOND) : found;
}

/** The unit stands at the topmost value alone. @param {readonly number[]} splits @param {string} unit */
function axisTexts(splits, unit) {
  const isKilo = unit === 'W' && Math.max(...splits.map(Math.abs)) >= 10_000;
  const shown = isKilo ? splits.map((value) => value / 1000) : splits;
  const decimals = decimalsOf(shown);
  return shown.map(
    (value, i) => `${number(value, decimals)}${i === shown.length - 1 ? ` ${isKilo ? 'kW' : unit}` : ''}`,
  );
}

/** A hole is a place of its own, not an absence of ink. @param {uPlot} plot @param {Curve} curve @param {string} fill */
function shadeHoles({ ctx, bbox, valToPos }, curve, fill) {
  ctx.save();
  ctx.fillStyle = fill;
  const end = bbox.left + bbox.width;
  for (const { fromMs, toMs } of holesOf(curve)) {
    const left = Math.max(bbox.left, valToPos(fromMs, 'x', true));
    const right = Math.min(end, valToPos(toMs, 'x', true));
    if (right > left) ctx.fillRect(left, bbox.top, Math.max(1, right - left), bbox.height);
  }
  ctx.restore();
}
