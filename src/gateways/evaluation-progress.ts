// How far an evaluation is, and what is noted of it: which channels documents cross without their routes remembering it.
import type { JudgedPage } from './judged-pages.ts'
import type { Evaluation } from './model.ts'
import type { CarriedPage } from './router.ts'
import type { Routes } from './routes.ts'

/** The progress of one evaluation, kept in the index. */
export class EvaluationProgress {
  readonly #routes: Pick<Routes, 'changeEvaluation'>
  readonly #isBusy: (name: string) => boolean
  readonly #crossed: Set<string>
  readonly #latecomers: Set<string>
  /** As it stands in the index. */
  #written: Evaluation
  #evaluation: Evaluation

  /**
   * @param begun as it stands in the index
   * @param latecomers users who have a channel that is noted there, and do what they were told
   */
  constructor(
    begun: Evaluation,
    latecomers: ReadonlySet<string>,
    { routes, isBusy }: { routes: Pick<Routes, 'changeEvaluation'>; isBusy: (name: string) => boolean },
  ) {
    this.#written = this.#evaluation = begun
    this.#crossed = new Set(begun.crossed)
    this.#latecomers = new Set(latecomers)
    this.#routes = routes
    this.#isBusy = isBusy
  }

  get documents(): number {
    return this.#evaluation.documents
  }

  get failed(): number {
    return this.#evaluation.failed
  }

  /** Nobody is to do anything about channels that are noted. */
  get isSettled(): boolean {
    return ![...this.#latecomers].some(this.#isBusy)
  }

  /** The channels that stay noted, whatever the next page is. */
  held(): ReadonlySet<string> {
    if (this.isSettled) for (const done of [this.#crossed, this.#latecomers]) done.clear()
    return this.#crossed
  }

  /** Writes down how far it is, and which channels the next page crosses. @throws {CouchFault} `conflict` where another daemon does so */
  async note(channels: ReadonlySet<string>): Promise<void> {
    for (const channel of channels) this.#crossed.add(channel)
    const { crossed: _crossed, ...rest } = this.#evaluation
    const noted = channels.size > 0 ? { crossed: [...channels].sort() } : {}
    this.#written = await this.#routes.changeEvaluation(this.#written, { ...rest, ...noted })
  }

  /** A page is written; the index hears of it with the next note. */
  add(page: Pick<JudgedPage, 'rows' | 'last'>, { routes, latecomers }: CarriedPage): void {
    for (const name of latecomers) this.#latecomers.add(name)
    const failed = [...routes.values()].filter(({ problem }) => problem !== undefined)
    this.#evaluation = {
      ...this.#evaluation,
      after: page.last,
      documents: this.documents + page.rows.length,
      failed: this.failed + failed.length,
    }
  }

  /** Everybody has what it means for them. @param finishedAt ISO 8601 @throws {CouchFault} */
  async finish(finishedAt: string): Promise<void> {
    this.#evaluation = { ...this.#evaluation, state: 'done', finishedAt }
    await this.note(new Set())
  }
}
