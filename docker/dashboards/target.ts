import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import { UID } from './names.ts';

/** The data source that all panels ask, by the uid of docker/grafana/provisioning. */
export const SOURCE = { type: 'influxdb', uid: UID.flux } as const;

/** A Flux query of a panel; the SDK has no builder for InfluxDB. */
export class FluxTarget implements Builder<Dataquery> {
  readonly #query: string;
  readonly #refId: string;

  constructor(query: string, refId = 'A') {
    this.#query = query;
    this.#refId = refId;
  }

  build(): Dataquery {
    const target = { refId: this.#refId, datasource: SOURCE, query: this.#query };
    return target as unknown as Dataquery;
  }
}
