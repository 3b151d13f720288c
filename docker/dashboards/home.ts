import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { finished, frame, gapsAnnotation, METER, PRICE, restartsAnnotation, ZONE } from './frame.ts';
import { HOME } from './home-queries.ts';
import { UID } from './names.ts';
import { bars, colored, curves, parts, stat } from './panels.ts';

const QUARTER = 'from quarter-hour roll-ups, up to 16 minutes behind';

/** What the home draws: now, today, this month, and when. */
export function home(): Dashboard {
  const dashboard = frame(UID.home, 'Home', 'What the home draws: now, today, this month, and when')
    .time({ from: 'now-24h', to: 'now' })
    .refresh('30s')
    .withVariable(METER())
    .withVariable(ZONE())
    .withVariable(PRICE())
    .annotation(gapsAnnotation())
    .annotation(restartsAnnotation())
    .withPanel(
      stat({
        title: 'Power now',
        description: 'The newest reading; nothing when it is older than five minutes.',
        query: HOME.powerNow,
        unit: 'watt',
        decimals: 0,
        width: 6,
        height: 4,
        empty: 'no reading for 5 minutes',
        names: { power: 'Power' },
      }),
    )
    .withPanel(
      stat({
        title: 'Today',
        description: 'What the register counted since midnight, and in as many hours of yesterday.',
        query: HOME.today,
        unit: 'kwatth',
        decimals: 2,
        width: 6,
        height: 4,
        names: { now: 'Today', before: 'Yesterday until now' },
      }),
    )
    .withPanel(
      stat({
        title: 'This month',
        description: `What the register counted since the first of the month, and in as many hours of the last month; ${QUARTER}.`,
        query: HOME.month,
        unit: 'kwatth',
        decimals: 1,
        width: 6,
        height: 4,
        names: { now: 'This month', before: 'Last month until now' },
      }),
    )
    .withPanel(
      stat({
        title: 'Cost this month',
        description: 'The month’s kWh times the price above; a bill has more parts. Nothing while the price is 0.',
        query: HOME.cost,
        unit: 'none',
        decimals: 2,
        width: 6,
        height: 4,
        empty: 'no price set',
        names: { cost: 'Cost' },
      }),
    )
    .withPanel(
      curves({
        title: 'Power',
        description:
          'Mean and highest reading of each step. Raw readings up to 6 hours, minutes up to 10 days, then quarters of an hour.',
        query: HOME.curve,
        unit: 'watt',
        width: 24,
        height: 9,
        fill: 10,
        names: { mean: 'Mean', most: 'Highest' },
      }),
    )
    .withPanel(
      bars({
        title: 'Energy by day',
        description: `The last 31 local days, the one of now included; ${QUARTER}. What was counted while nothing was read is spread evenly over that time.`,
        query: HOME.days,
        unit: 'kwatth',
        decimals: 1,
        width: 16,
        height: 8,
        format: 'DD MMM',
        names: { energy: 'Energy' },
      }),
    )
    .withPanel(
      parts({
        title: 'Tariffs this month',
        description: `What the registers of tariff 1 to 4 counted since the first of the month; ${QUARTER}.`,
        query: HOME.tariffs,
        unit: 'kwatth',
        decimals: 1,
        width: 8,
        height: 8,
        empty: 'the meter has no tariffs',
      }),
    )
    .withPanel(
      bars({
        title: 'Energy by month',
        description: `The last 13 local months, the one of now included; ${QUARTER}.`,
        query: HOME.months,
        unit: 'kwatth',
        decimals: 0,
        width: 24,
        height: 8,
        format: 'MMM YY',
        names: { energy: 'Energy' },
      }),
    )
    .withPanel(
      colored({
        title: 'Load by hour and weekday',
        description:
          'Mean power of each local hour of the week, of the last eight weeks; without days on which the clocks changed.',
        query: HOME.week,
        unit: 'watt',
        decimals: 0,
        width: 12,
        height: 20,
        rowName: 'hour',
        names: { hour: 'Hour' },
      }),
    )
    .withPanel(
      bars({
        title: 'Base load',
        description:
          'The quarter of an hour with the lowest mean power of each of the last 30 whole days: what runs all the time.',
        query: HOME.baseLoad,
        unit: 'watt',
        decimals: 0,
        width: 12,
        height: 10,
        format: 'DD MMM',
        names: { 'base load': 'Base load' },
      }),
    )
    .withPanel(
      bars({
        title: 'Monthly peak',
        description: 'The quarter of an hour with the highest mean power of each month.',
        query: HOME.peaks,
        unit: 'watt',
        decimals: 0,
        width: 12,
        height: 10,
        format: 'MMM YY',
        names: { peak: 'Peak' },
      }),
    );
  const made = finished(dashboard);
  below(made, 'Base load', 'Monthly peak');
  return made;
}

/** Puts a panel below another: the builder begins a new row below the highest of a row. */
function below({ panels = [] }: Dashboard, above: string, title: string): void {
  const [upper, lower] = [above, title].map((name) => panels.find((panel) => panel.title === name));
  if (!upper?.gridPos || !lower?.gridPos) throw new Error(`Home has no panel ${above}, or none ${title}`);
  const { x, y, h } = upper.gridPos;
  lower.gridPos = { ...lower.gridPos, x, y: y + h };
}
