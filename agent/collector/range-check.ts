import type { MeterModel } from '../meters/model.ts';
import type { Values } from '../readings/reading.ts';
import type { Problem } from './check.ts';

/** Every value within what the meter can physically show; what is no number at all is not. */
export function rangeCheck(model: MeterModel): (values: Values) => Problem[] {
  return (values) => {
    const problems: Problem[] = [];
    for (const { quantity, min, max } of model.fields) {
      const value = values[quantity];
      if (value === undefined || (value >= min && value <= max)) continue;
      problems.push({ check: 'range', message: `${quantity} is ${value}, possible is ${min} to ${max}` });
    }
    return problems;
  };
}
