// What users of a black box did and saw: each value is written once, so that whoever sees it knows whose it is and since when.

/** One write of one attribute, acknowledged or not. */
export interface Write {
  value: string
  by: string
  object: string
  attribute: string
  /** Milliseconds, as all times here. */
  begunAt: number
  /** Null: nobody knows whether it landed. */
  ackedAt: number | null
  /** What its author had read in its place. */
  over: string | null
  /** Its author has given it to the share, by then or since. */
  isGiven: boolean
}

/** Somebody was answered with a value. */
export interface Sighting {
  value: string
  by: string
  place: 'share' | 'own'
  /** When they asked. */
  askedAt: number
}

/** From when on somebody was kept out of the share, as anybody could see, and until when at least. */
export interface Exclusion {
  who: string
  from: number
  to: number
}

const VALUE = /~[a-z]+-\d+~/g

/** All values in what was answered. */
export const valuesIn = (answer: unknown): string[] => JSON.stringify(answer).match(VALUE) ?? []

export class Witness {
  readonly writes = new Map<string, Write>()
  readonly sightings: Sighting[] = []
  readonly exclusions: Exclusion[] = []
  #count = 0

  /** How many writes were acknowledged. */
  acknowledged = 0

  /** A value that nobody has written yet. */
  newValue(by: string): string {
    this.#count += 1
    return `~${by}-${this.#count}~`
  }

  begins(write: Omit<Write, 'begunAt' | 'ackedAt'>): void {
    this.writes.set(write.value, { ...write, begunAt: Date.now(), ackedAt: null })
  }

  isAcknowledged(value: string): void {
    const write = this.writes.get(value)
    if (!write) return
    write.ackedAt = Date.now()
    this.acknowledged += 1
  }

  /** Its author gives what stands there already. */
  isGiven(value: unknown): void {
    const write = this.writes.get(String(value))
    if (write) write.isGiven = true
  }

  sees(by: string, place: Sighting['place'], askedAt: number, answer: unknown): void {
    for (const value of valuesIn(answer)) this.sightings.push({ value, by, place, askedAt })
  }
}
