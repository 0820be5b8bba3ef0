// What the daemon does, in numbers, in the form that Prometheus reads.
// https://prometheus.io/docs/practices/naming/ https://prometheus.io/docs/instrumenting/exposition_formats/
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { PARTS, type Meter, type Standing } from '../engine/meter.ts'
import { VERSION } from '../version.ts'
import type { Watched } from './watched.ts'

const REQUEST_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const TURN_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const WAIT_SECONDS = [0.001, 0.01, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900]

/** The metrics of one process. */
export class Metrics implements Meter {
  readonly #registry = new Registry()
  readonly #requests: Histogram<'endpoint' | 'method' | 'status'>
  readonly #turns: Histogram<'part' | 'outcome'>
  readonly #waits: Histogram<'part'>

  constructor() {
    const registers = [this.#registry]
    collectDefaultMetrics({ register: this.#registry })
    new Gauge({
      name: 'couch_shares_build_info',
      help: 'Always 1; the labels say what runs',
      labelNames: ['version', 'node'],
      registers,
    }).set({ version: VERSION, node: process.versions.node }, 1)
    this.#requests = new Histogram({
      name: 'couch_shares_couchdb_request_duration_seconds',
      help: 'Requests to CouchDB, until the answer begins; status "none" where no answer came',
      labelNames: ['endpoint', 'method', 'status'],
      buckets: REQUEST_SECONDS,
      registers,
    })
    this.#turns = new Histogram({
      name: 'couch_shares_turn_duration_seconds',
      help: 'Turns for one user or database, by what came of them',
      labelNames: ['part', 'outcome'],
      buckets: TURN_SECONDS,
      registers,
    })
    this.#waits = new Histogram({
      name: 'couch_shares_turn_wait_seconds',
      help: 'From a change until the turn that looks at it begins',
      labelNames: ['part'],
      buckets: WAIT_SECONDS,
      registers,
    })
  }

  readonly answered: Meter['answered'] = ({ endpoint, method, status, ms }) =>
    this.#requests.observe({ endpoint, method, status: status ?? 'none' }, ms / 1000)

  readonly turn: Meter['turn'] = (part, { outcome, waitedMs, ms }) => {
    this.#turns.observe({ part, outcome }, ms / 1000)
    this.#waits.observe({ part }, waitedMs / 1000)
  }

  /** Reads, whenever somebody asks for the metrics, how the daemon stands. To be called once. */
  watch(watched: Watched): void {
    const registers = [this.#registry]
    const flag = (name: string, help: string, holds: () => boolean): void =>
      void new Gauge({
        ...{ name, help, registers },
        collect() {
          this.set(holds() ? 1 : 0)
        },
      })
    flag('couch_shares_ready', '1 where /readyz says 200', () => watched.ready().ok)
    flag('couch_shares_healthy', '1 where /healthz says 200', () => watched.health().ok)
    flag(
      'couch_shares_at_work',
      '1 where this process works, 0 where it waits for another one',
      () => watched.isAtWork,
    )
    const ofParts = (name: string, help: string, valueOf: (standing: Standing) => number): void =>
      void new Gauge({
        ...{ name, help, registers, labelNames: ['part'] },
        collect() {
          this.reset()
          const { standings } = watched
          for (const part of PARTS) {
            const standing = standings.get(part)
            if (standing) this.set({ part }, valueOf(standing))
          }
        },
      })
    ofParts('couch_shares_queue_depth', 'Users, or databases, that have something to do', ({ busy }) => busy)
    ofParts(
      'couch_shares_queue_failing',
      'Those of them whose last turn failed, and is tried again',
      ({ failing }) => failing,
    )
    ofParts(
      'couch_shares_oldest_change_seconds',
      'For how long the oldest change has waited that no turn has begun with',
      ({ oldestMs }) => oldestMs / 1000,
    )
  }

  /** The type of what `text` gives. */
  get contentType(): string {
    return this.#registry.contentType
  }

  /** All metrics as text. */
  text(): Promise<string> {
    return this.#registry.metrics()
  }
}
