// A hostile user: asks over HTTP as whoever has an account, or as nobody, and counts what comes of it.
import { basic } from '../support/visitor.ts'

/** Who attacks, and what is the attacker's own. */
export interface Hostile {
  name: string
  password: string
  /** The user database. */
  database: string
  /** The personal database, and the domain whose documents the account's role brings. */
  personal: string
  domain: string
  /** The database of the gateway. */
  gateway: string
  /** A share of the attacker's own that everybody may write into. */
  share: string
  /** Somebody else's share, with a password. */
  locked: string
}

/** What became of an attacker's requests. */
export interface Counts {
  taken: number
  /** 4xx. */
  refused: number
  /** 5xx, a connection that was closed, or no answer in time. */
  failed: number
}

export interface Asked {
  body?: string | Buffer
  contentType?: string
  query?: Record<string, string>
  /** Not logged in. */
  isGuest?: boolean
}

interface Answer {
  status: number
  text: string
  /** What `ETag` names. */
  rev: string | null
}

/** No attacker waits longer for an answer. */
const PATIENCE_MS = 60_000

export class Attacker {
  readonly hostile: Hostile
  readonly counts: Counts = { taken: 0, refused: 0, failed: 0 }
  readonly #url: string
  readonly #signal: AbortSignal
  readonly #authorization: string
  readonly #revisions = new Map<string, string>()

  /** @param signal ends every request */
  constructor(url: string, hostile: Hostile, signal: AbortSignal) {
    this.hostile = hostile
    this.#url = url
    this.#signal = signal
    this.#authorization = basic(hostile.name, hostile.password)
  }

  /** @returns null where there was no answer */
  async ask(method: string, path: string[], asked: Asked = {}): Promise<Answer | null> {
    const { body, contentType = 'application/json', query = {}, isGuest = false } = asked
    const url = `${this.#url}/${path.map(encodeURIComponent).join('/')}?${new URLSearchParams(query).toString()}`
    try {
      const answer = await fetch(url, {
        method,
        headers: {
          'content-type': contentType,
          ...(isGuest ? {} : { authorization: this.#authorization }),
        },
        ...(body === undefined ? {} : { body }),
        signal: AbortSignal.any([this.#signal, AbortSignal.timeout(PATIENCE_MS)]),
      })
      const text = await answer.text()
      const { status } = answer
      this.counts[status < 400 ? 'taken' : status < 500 ? 'refused' : 'failed'] += 1
      return { status, text, rev: answer.headers.get('etag')?.replaceAll('"', '') ?? null }
    } catch {
      // What is broken off at the end is nobody's failure.
      if (!this.#signal.aborted) this.counts.failed += 1
      return null
    }
  }

  /** Writes a document over whatever is there. @param json the text of an object that is not empty, without `_id` and `_rev` */
  async put(database: string, id: string, json: string): Promise<void> {
    const place = `${database} ${id}`
    for (let tries = 0; tries < 3; tries += 1) {
      const rev = this.#revisions.get(place)
      const body = rev === undefined ? json : `{"_rev":${JSON.stringify(rev)},${json.slice(1)}`
      const answer = await this.ask('PUT', [database, id], { body })
      if (answer?.status !== 409) {
        if (answer !== null && answer.rev !== null) this.#revisions.set(place, answer.rev)
        return
      }
      const there = await this.ask('HEAD', [database, id])
      if (there?.rev) this.#revisions.set(place, there.rev)
    }
  }

  /** The revision that this attacker wrote or met last. */
  rev(database: string, id: string): string | undefined {
    return this.#revisions.get(`${database} ${id}`)
  }

  /** Writes many documents at once, without logging in. @param isNewEdits false for revisions as they are named */
  async pushAsGuest(database: string, docs: object[], isNewEdits: boolean): Promise<void> {
    const body = JSON.stringify({ docs, new_edits: isNewEdits })
    await this.ask('POST', [database, '_bulk_docs'], { body, isGuest: true })
  }
}
