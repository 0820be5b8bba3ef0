// A story of three users who share, played while the daemon may be killed on the way, and what it leaves in every database.
import sortBy from 'lodash/sortBy.js'
import type { Database } from '../../src/couch/database.ts'
import type { Doc, StoredDoc } from '../../src/couch/document.ts'
import { dutyId } from '../../src/engine/duty-document.ts'
import { CHECKPOINTS, REGISTRY, shareDatabase } from '../../src/documents/names.ts'
import { KillProxy, type Moment } from './kill-proxy.ts'
import { ops, settingsFor, type Bench, type Program } from './program.ts'
import { ACTIVE, becomes, edit, received, remove, shared, stands, subscribe, withPeople } from './people.ts'
import type { Person } from './people.ts'
import { freePort } from './servers.ts'
import type { Space } from './space.ts'
import { becomesActive, put, shareDoc } from './story.ts'

/** For so long nothing is asked when all is done. */
const QUIET_MS = 1_500
const PATIENCE_MS = 60_000
/** A job that failed once is tried again by CouchDB after half a minute, and after a minute when it failed again. */
const REPLICATOR_PATIENCE_MS = 150_000

/** By database what it holds and who may enter, without what differs from one run to the next. */
export type Left = Record<string, unknown>

export interface Played {
  /** How many requests the daemon made until all was done. */
  requests: number
  /** Which one it died at. */
  diedAt: string | null
  left: Left
}

/** Plays the story. @param death null: nobody is killed */
export async function playStory(
  space: Space,
  bench: Bench,
  death: { at: number; moment: Moment } | null,
): Promise<Played> {
  const proxy = await KillProxy.start(space.server.url)
  bench.release(() => proxy.stop())
  const daemon = new MortalDaemon(space, bench, proxy)
  let left: Left = {}
  await withPeople(space, ['joe', 'ann', 'bob'], async (people) => {
    if (death) proxy.arm({ ...death, kill: () => daemon.die() })
    await tell(space, people, daemon)
    // While there is no daemon, nobody asks for anything.
    const isDone = async (): Promise<boolean> => {
      await daemon.revived
      return proxy.quietMs > QUIET_MS
    }
    await space.until('all is done', isDone, PATIENCE_MS)
    left = await leftBy(space)
    await daemon.stop()
  })
  const { requests } = proxy
  return {
    requests: requests.length,
    diedAt: death && daemon.hasDied ? (requests[death.at - 1] ?? null) : null,
    left,
  }
}

/** A daemon that is started again when it dies. */
class MortalDaemon {
  readonly #space: Space
  readonly #bench: Bench
  readonly #proxy: KillProxy
  #program: Program | null = null
  /** Another one is at work in the place of the one that died. */
  revived: Promise<void> = Promise.resolve()
  hasDied = false

  constructor(space: Space, bench: Bench, proxy: KillProxy) {
    this.#space = space
    this.#bench = bench
    this.#proxy = proxy
  }

  async start(): Promise<void> {
    await this.#launch()
    await this.revived
  }

  async #launch(): Promise<void> {
    const { server, prefix } = this.#space
    const port = await freePort()
    const program = await this.#bench.run({
      ...settingsFor({ ...server, url: this.#proxy.url }),
      OPS_PORT: String(port),
      LOG_LEVEL: 'warn',
      USER_DATABASES: `${prefix}{id}`,
      REPLICATION_SERVER: server.url,
    })
    this.#program = program
    const isReady = async (): Promise<boolean> => !program.isRunning || (await ops(port, 'readyz')) === 200
    await this.#space.until('the daemon is ready', isReady, PATIENCE_MS)
  }

  /** SIGKILL, and a new one in its place. */
  die(): void {
    this.hasDied = true
    this.#program?.child.kill('SIGKILL')
    this.revived = this.#revive()
    this.revived.catch(() => undefined)
  }

  async #revive(): Promise<void> {
    await this.#program?.exit()
    // That its successor waits until it is sure of that is told elsewhere.
    const { couch, config } = this.#space
    const duty = couch.database(CHECKPOINTS)
    const there = await duty.get(dutyId(config.userDatabases.template)).catch(() => null)
    if (there) await duty.put({ _id: there._id, _rev: there._rev, _deleted: true })
    await this.#launch()
  }

  async stop(): Promise<void> {
    await this.revived
    this.#program?.child.kill('SIGTERM')
    await this.#program?.exit()
  }
}

type People = Record<'joe' | 'ann' | 'bob', Person>

const PICTURE = {
  'picture.bin': { content_type: 'image/x', data: Buffer.alloc(3_000, 7).toString('base64') },
}

/** Each part waits for what the one before has brought about. */
async function tell(space: Space, { joe, ann, bob }: People, daemon: MortalDaemon): Promise<void> {
  const [list, open] = [space.shareId('list'), space.shareId('open')]
  const access = { read: [ann.name], write: [bob.name] }
  await put(
    joe.db,
    shareDoc(list, { access }),
    shared(list, 'milk', { name: 'Milk', count: 1 }),
    shared(list, 'bread', { name: 'Bread', price: 3 }, ['name']),
    { ...shared(list, 'cake', { name: 'Cake' }), _attachments: PICTURE },
  )
  await daemon.start()
  await becomesActive(space, joe.hash, list)
  await subscribe(space, list, [ann, bob])
  for (const { db } of [ann, bob]) {
    await becomes(space, db, 'milk', received(list, { name: 'Milk', count: 1 }))
    await becomes(space, db, 'bread', received(list, { name: 'Bread' }))
    await space.until('the cake is there', async () => (await db.get('cake')) !== null)
  }
  // In both directions, by somebody who may and by somebody who may not; a new object of a writer's.
  await edit(space, bob.db, 'milk', { count: 2 })
  await edit(space, ann.db, 'bread', { name: 'Mine' })
  await put(bob.db, shared(list, 'eggs', { name: 'Eggs' }))
  await edit(space, joe.db, 'cake', { name: 'Torte' })
  await becomes(space, joe.db, 'milk', received(list, { name: 'Milk', count: 2 }))
  await stands(space, ann, list, { ...ACTIVE, rejected: { bread: 'read_only' } })
  for (const { db } of [joe, ann]) await becomes(space, db, 'eggs', received(list, { name: 'Eggs' }))
  // A second share, with a password; something is taken back, and something deleted.
  await put(joe.db, shareDoc(open, { access: { read: true }, password: 'open sesame' }))
  await edit(space, joe.db, 'milk', { $shares: { [list]: ['name'], [open]: true } })
  await remove(space, joe.db, 'eggs')
  await becomesActive(space, joe.hash, open)
  // Whoever made it keeps it.
  await becomes(space, bob.db, 'eggs', { name: 'Eggs' })
  await becomes(space, ann.db, 'eggs', null)
  const hasCount = async ({ db }: Person): Promise<boolean> => 'count' in ((await db.get('milk')) ?? {})
  await space.until('the count is taken back', async () => !(await hasCount(ann)) && !(await hasCount(bob)))
  // Somebody leaves, and is let in no more; the second share ends.
  await remove(space, bob.db, `$subscription/${list}`)
  await remove(space, joe.db, `$share/${open}`)
  await space.until('bob has left', async () => (await bob.db.get('milk')) === null)
  await space.until('the second share is gone', async () => (await space.share(open).info()) === null)
  // The replication of a share that others write into brings its copies to the outbox.
  const copies = { startKey: 'share/', endKey: 'share0' }
  const idsIn = async (database: Database): Promise<string[]> =>
    (await database.range(copies)).map(({ id }) => id)
  await space.eventually(
    'the outbox has what the share has',
    () => idsIn(space.outbox(joe.hash)),
    await idsIn(space.share(list)),
    REPLICATOR_PATIENCE_MS,
  )
}

async function leftBy(space: Space): Promise<Left> {
  const { couch, prefix } = space
  const shares = [space.shareId('list'), space.shareId('open')]
  const own = await couch.allDbs({ startKey: prefix, endKey: `${prefix}\ufff0` })
  const left: Left = {}
  for (const name of [...own, ...shares.map(shareDatabase)]) {
    const database = couch.database(name)
    if ((await database.info()) === null) continue
    left[name] = { security: await database.security(), documents: await documentsOf(database) }
  }
  const isOurs = (doc: Doc): boolean => JSON.stringify(doc).includes(prefix.slice(1, 7))
  for (const name of [REGISTRY, '_replicator', '_users']) {
    const rows = (await couch.database(name).range({ includeDocs: true })).flatMap(({ doc }) => doc ?? [])
    left[name] = rows.filter(isOurs).map((doc) => contentOf(doc))
  }
  return masked(left, space)
}

/** By id what is live, and how many conflicts it has. */
async function documentsOf(database: Database): Promise<Record<string, unknown>> {
  const { results } = await database.changes({
    ...{ since: '0', limit: 10_000, includeDocs: true, allLeaves: false },
  })
  const live = results.filter(({ deleted, id }) => !deleted && !id.startsWith('_design/'))
  return Object.fromEntries(
    sortBy(live, 'id').map(({ id, doc }) => [
      id,
      doc && { ...contentOf(doc), conflicts: doc._conflicts?.length ?? 0 },
    ]),
  )
}

/** A base remembers the revisions that it saw on its way: they are more where something was done twice. */
function contentOf({
  _rev,
  _conflicts,
  _attachments = {},
  history: _,
  ...doc
}: StoredDoc): Record<string, unknown> {
  const attached = Object.entries(_attachments).map(([name, { digest, content_type }]) => [
    name,
    digest,
    content_type,
  ])
  return { ...doc, ...(attached.length > 0 ? { attached } : {}) }
}

/** Without names that are made up, revisions, times, and what is derived from a password. */
function masked(left: Left, { prefix }: Space): Left {
  const words = JSON.stringify(left)
    .replaceAll(prefix, 'PREFIX/')
    .replaceAll(encodeURIComponent(prefix), 'PREFIX/')
    .replaceAll(prefix.slice(1, 7), 'SPACE')
    .replace(/\d+-[0-9a-f]{32}/g, 'REV')
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID')
    .replace(/[0-9a-f]{16,}/g, 'HEX')
    // Two withdrawals may make one new database, or two.
    .replace(/"rotations":\d+,?/g, '')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/:1\d{12}\b/g, ':0')
  return JSON.parse(words) as Left
}
