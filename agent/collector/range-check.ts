import type { MeterModel } from '../meters/model.ts';
import type { Problem, SampleCheck } from './check.ts';

/** Every value within what the meter can physically show. */
export function rangeCheck(model: MeterModel): SampleCheck {
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
