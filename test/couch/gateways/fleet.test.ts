// The day that the fleet's README tells, with real users over HTTP: they write into their own databases, and the daemon carries.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import type { Doc, Written } from '../../../src/couch/document.ts'
import { FLEET_FOLDER } from '../../support/fleet.ts'
import { readDay, type Step } from '../../support/fleet-day.ts'
import { GatewayGround, isForRouter, type GatewayUser } from '../../support/gateway.ts'
import type { Space } from '../../support/space.ts'
import type { Content } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'

const PEOPLE = ['ann', 'bob', 'carla', 'eve']

const source = (): Promise<string> => readFile(new URL('sync.js', FLEET_FOLDER), 'utf8')

/** The day as it is told, of users whose accounts are called otherwise. */
class Day {
  readonly #ground: GatewayGround
  /** By id: what the gateway has after the steps that were played. */
  readonly #documents = new Map<string, Content>()

  constructor(ground: GatewayGround) {
    this.#ground = ground
  }

  get users(): GatewayUser[] {
    return PEOPLE.map((name) => this.#ground.user(name))
  }

  /** Everybody has an account, and a user database. */
  async signUp(): Promise<void> {
    for (const user of this.users) await user.signUp()
  }

  async isIn(): Promise<void> {
    for (const user of this.users) await user.isIn()
  }

  /** A name stands alone, or between the colons of a channel; ids only look like names. */
  #renamed<Value>(value: Value): Value {
    const rename = (text: string): string =>
      text
        .split(':')
        .map((part) => (PEOPLE.includes(part) ? this.#ground.user(part).name : part))
        .join(':')
    return JSON.parse(JSON.stringify(value), (key, found: unknown) =>
      typeof found === 'string' && key !== '_id' ? rename(found) : found,
    ) as Value
  }

  /** Writes what is written in a step, by whom it is written. */
  async write({ as, put, expect }: Step): Promise<void> {
    const doc: Doc = this.#renamed(put)
    if ('admin' in as) await this.#ground.put(doc)
    else this.#expectAnswer(await this.#ground.user(as.name).write(doc), expect)
    if (expect !== 'accepted') return
    const { _id, _deleted, ...content } = doc
    if (_deleted) this.#documents.delete(_id)
    else this.#documents.set(_id, content)
  }

  /** Why CouchDB itself refuses the step; null: it does not. On the embedded server users are its admin. */
  #refusalOf(expect: Step['expect']): [error: string, reason: string] | null {
    if (expect === 'accepted' || this.#ground.space.server.kind === 'embedded') return null
    const [[error, reason] = ['', '']] = Object.entries(expect)
    return isForRouter(reason) ? null : [error, reason]
  }

  #expectAnswer(written: Written, expect: Step['expect']): void {
    const refusal = this.#refusalOf(expect)
    if (refusal === null) return assert(written.ok, JSON.stringify(written))
    const [error, reason] = refusal
    assert.deepEqual(written, { id: written.id, ok: false, error, reason })
  }

  /** Waits until everybody has what the step says, as the gateway has it, and knows of what was refused. */
  async holds({ as, put, expect, sees }: Step): Promise<void> {
    const ground = this.#ground
    if (expect !== 'accepted' && 'name' in as && this.#refusalOf(expect) === null) {
      const said = `The sync function refused it: ${Object.values(expect)[0]}`
      const told = [{ document: put._id, code: 'refused_by_function', reason: said }]
      const user = ground.user(as.name)
      await ground.eventually(`what ${as.name} is told of ${put._id}`, () => rejected(user, put._id), told)
    }
    const all = Object.fromEntries(this.#documents)
    await ground.eventually('the documents of the gateway', () => contents(ground.database), all)
    for (const [called, ids] of Object.entries(sees)) {
      const user = ground.user(called)
      const expected = Object.fromEntries(ids.map((id) => [id, all[id]]))
      await ground.eventually(`what ${called} sees`, () => contents(user.own), expected)
    }
  }

  /** At rest, nobody has anything but what the last step says, and nothing is left to do. */
  async rests(step: Step): Promise<void> {
    await this.#ground.space.settled()
    await this.holds(step)
    await this.#ground.eventually('what is unsettled', () => this.#ground.routes.unsettled(), [])
  }
}

/** What is in a database, by id, without what is CouchDB's and the daemon's own. */
async function contents(database: GatewayUser['own']): Promise<Record<string, Content>> {
  const rows = await database.range({ includeDocs: true })
  return Object.fromEntries(
    rows.flatMap(({ id, doc }) => {
      if (doc === null || /^[_$]/.test(id)) return []
      const { _id, _rev, ...content } = doc
      return [[id, content]]
    }),
  )
}

/** What a user is told of a document, without when. */
async function rejected(user: GatewayUser, id: string): Promise<Content[]> {
  const said = (await user.own.get('$gateway'))?.['$rejected'] as (Content & { at: string })[] | undefined
  return (said ?? []).filter(({ document }) => document === id).map(({ at: _at, ...told }) => told)
}

onEachServer('the day of a fleet', ({ it }) => {
  it('is as it is told, over HTTP', (space) => play(space, (day, step) => day.write(step)))
})

// Dozens of starts, of which the matrix has as many on the embedded server.
onEachServer(
  'the day of a fleet, interrupted',
  ({ it }) => {
    it('is as it is told where the daemon stops after each step, and is away when the next is written', (space) =>
      play(space, async (day, step) => {
        await space.stop()
        await day.write(step)
        await space.start()
      }))
  },
  { kinds: ['couchdb'] },
)

/** After each step, everybody has what the day says. */
async function play(space: Space, write: (day: Day, step: Step) => Promise<void>): Promise<void> {
  const steps = readDay()
  await GatewayGround.use(space, await source(), async (ground) => {
    const day = new Day(ground)
    await day.signUp()
    await space.start()
    await day.isIn()
    for (const [at, step] of steps.entries())
      await inStep(at, step, async () => {
        await write(day, step)
        await day.holds(step)
      })
    await day.rests(steps.at(-1) as Step)
  })
}

/** Names the step where it fails. */
async function inStep(at: number, { step }: Step, play: () => Promise<void>): Promise<void> {
  await play().catch((error: unknown) => {
    if (error instanceof Error) error.message = `step ${at + 1}, ${step}: ${error.message}`
    throw error
  })
}
