/** What a line carries at one moment, as a meter would measure it. */
export interface LoadState {
  /** W, negative while exporting. */
  activeW: number;
  /** var, positive inductive. */
  reactiveVar: number;
  voltageV: number;
  frequencyHz: number;
}

/** A load as a function of time: asked twice for the same moment, it answers the same. */
export interface Load {
  at(timeMs: number): LoadState;
}
