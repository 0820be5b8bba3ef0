// Members who stay replicate a share with PouchDB, live and retrying, while others are taken out and much is narrowed:
// nothing is refused to them that is not answered a second later, and they end with exactly what the share holds.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import { runInThisContext } from 'node:vm'
import { shareDatabase } from '../../../src/documents/names.ts'
import { loadPouch, type Pouch, type Sync } from '../../support/device.ts'
import { edit, open, shared, signUp, stranger, withPeople, type Person } from '../../support/people.ts'
import type { Space } from '../../support/space.ts'
import { put, type Content } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'
import { copyId, shareDocumentId } from '../../../src/shares/model/ids.ts'

const OBJECTS = Array.from({ length: 250 }, (_, at) => `todo/${at}`)
const ATTRIBUTES = ['name', 'note']

/** What an app follows a share by: it starts again where the refusal was over a second later. */
type Follow = (remote: Pouch, start: () => Sync) => Promise<unknown>

/** As docs/how-it-works.md prints it. */
async function followOfTheDocs(): Promise<Follow> {
  const docs = await readFile(
    fileURLToPath(new URL('../../../docs/how-it-works.md', import.meta.url)),
    'utf8',
  )
  const [, code] = /^```js\n(async function follow\([^]*?\n})\n/m.exec(docs) ?? []
  return runInThisContext(`(${code ?? assert.fail('no function in the docs')})`) as Follow
}

/** A member's device: what ended its replications, or was refused to it for longer than a database takes to be made. */
interface Member {
  local: Pouch
  refusals: string[]
  close: () => Promise<void>
}

async function replicates(
  space: Space,
  { account }: Person,
  share: string,
  right: 'read' | 'write',
): Promise<Member> {
  const follow = await followOfTheDocs()
  const PouchDB = loadPouch()
  const { url } = space.server
  const remote = new PouchDB(`${url}/${encodeURIComponent(shareDatabase(share))}`, {
    auth: { username: account.name, password: account.pass },
    skip_setup: true,
  })
  const local = new PouchDB(`${space.prefix}${account.name}`, { adapter: 'memory' })
  const refusals: string[] = []
  const options = { live: true, retry: true }
  let isOver = false
  let running: Sync | null = null
  const start = (): Sync => {
    running = right === 'write' ? local.sync(remote, options) : local.replicate.from(remote, options)
    return running.on('denied', (fault) => refusals.push(`denied ${JSON.stringify(fault)}`))
  }
  follow(remote, start).then(
    () => isOver || refusals.push('complete'),
    (fault: unknown) => isOver || refusals.push(`error ${JSON.stringify(fault)}`),
  )
  return {
    local,
    refusals,
    close: async () => {
      isOver = true
      running?.cancel()
      await remote.close()
      await local.destroy()
    },
  }
}

/** What a device shows of the share, by object. */
async function shown({ local }: Member, share: string): Promise<Record<string, Content>> {
  const { rows } = await local.allDocs({ include_docs: true })
  const prefix = copyId(share, '')
  return Object.fromEntries(
    rows.flatMap(({ id, doc }) => {
      if (!id.startsWith(prefix) || !doc) return []
      const { _id, _rev, ...content } = doc
      return [[id.slice(prefix.length), content]]
    }),
  )
}

async function shows(
  space: Space,
  member: Member,
  share: string,
  expected: Record<string, Content>,
): Promise<void> {
  let seen: Record<string, Content> = {}
  const look = async (): Promise<boolean> => {
    if (member.refusals.length > 0) return true
    return isDeepStrictEqual((seen = await shown(member, share)), expected)
  }
  await space.until('the device shows what is shared', look, 60_000).catch((fault: unknown) => {
    assert.deepEqual(seen, expected)
    throw fault
  })
  assert.deepEqual(member.refusals, [], 'nothing ended, nothing was refused')
}

const all = (content: (at: number) => Content): Record<string, Content> =>
  Object.fromEntries(OBJECTS.map((id, at) => [id, content(at)]))

onEachServer(
  'members who stay',
  ({ it }) => {
    for (const right of ['read', 'write'] as const)
      it(`go on replicating while others lose access, and with 250 objects narrowed: who may ${right}`, async (space) =>
        withPeople(space, ['joe', 'ann'] as const, async ({ joe, ann }) => {
          const gus = stranger(space, 'gus')
          await signUp(space, gus)
          await space.start()
          const wide = (at: number): Content => ({ name: `${at}`, note: 'n' })
          const share = await open(
            space,
            joe,
            { [right]: [ann.name, gus.name] },
            ...OBJECTS.map((id, at) => shared(space.shareId(), id, wide(at), ATTRIBUTES)),
          )
          const member = await replicates(space, ann, share, right)
          try {
            await shows(space, member, share, all(wide))

            // Another one is taken out: feeds that are open end.
            const anew = async (): Promise<unknown> => (await space.entry(share))?.['rotations'] ?? 0
            const before = await anew()
            await edit(space, joe.db, shareDocumentId(share), { access: { [right]: [ann.name] } })
            await space.until('the share was made anew', async () => (await anew()) !== before)
            const changed = (at: number): Content => (at === 0 ? { ...wide(at), note: 'after' } : wide(at))
            await edit(space, joe.db, 'todo/0', { note: 'after' })
            await shows(space, member, share, all(changed))

            // Much is narrowed.
            const times = await anew()
            const rows = await joe.db.fetch(OBJECTS)
            await put(
              joe.db,
              ...rows.flatMap(({ doc }) => (doc ? [{ ...doc, $shares: { [share]: ['name'] } }] : [])),
            )
            await shows(
              space,
              member,
              share,
              all((at) => ({ name: `${at}` })),
            )

            assert.equal(await anew(), times, 'for that the share is not made anew')

            // What the member writes arrives, where that is allowed.
            if (right === 'write') {
              const mine = await member.local.get(copyId(share, 'todo/1'))
              await member.local.put({ ...mine, name: 'of ann' })
              await space.until(
                'it is with the owner',
                async () => (await joe.db.get('todo/1'))?.['name'] === 'of ann',
                60_000,
              )
            }
            assert.deepEqual(member.refusals, [])

            // Who is taken out reads that, though a refusal may be over a second later.
            await edit(space, joe.db, shareDocumentId(share), { access: false })
            const isTold = (): Promise<boolean> => Promise.resolve(member.refusals.length > 0)
            await space.until('the device is told', isTold, 60_000)
            assert.match(member.refusals.join(), /^error .*"status":403/)
          } finally {
            await member.close()
          }
        }))

    it('go on replicating while the password is changed, and lose nothing that they write meanwhile', async (space) =>
      withPeople(space, ['joe', 'ann'] as const, async ({ joe, ann }) => {
        await space.start()
        const share = await open(
          space,
          joe,
          { read: true, write: [ann.name] },
          ...OBJECTS.map((id, at) => shared(space.shareId(), id, { name: `${at}`, round: 0 })),
        )
        await edit(space, joe.db, shareDocumentId(share), { password: 'first' })
        const isSet = async (): Promise<boolean> => {
          const doc = await joe.db.get(shareDocumentId(share))
          return typeof doc?.['password'] === 'object' && doc['$state'] === 'active'
        }
        await space.until('the password is in force', isSet)
        const member = await replicates(space, ann, share, 'write')
        try {
          await shows(
            space,
            member,
            share,
            all((at) => ({ name: `${at}`, round: 0 })),
          )
          const expected = new Map<string, number>()
          for (let round = 1; round <= 3; round += 1) {
            await edit(space, joe.db, shareDocumentId(share), { password: `round ${round}` })
            // Every object once, for as long as the share is made anew.
            for (const [at, id] of OBJECTS.entries()) {
              if (at % 3 !== round - 1) continue
              const doc = await member.local.get(copyId(share, id))
              await member.local.put({ ...doc, round })
              expected.set(id, round)
              if (at % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 20))
            }
            await space.until('the password is in force', isSet, 60_000)
          }
          const wanted = all((at) => ({ name: `${at}`, round: expected.get(OBJECTS[at] ?? '') ?? 0 }))
          await space.until(
            'the owner has everything',
            async () => {
              assert.deepEqual(member.refusals, [])
              const rows = await joe.db.fetch(OBJECTS)
              return rows.every(({ id, doc }) => doc?.['round'] === wanted[id]?.['round'])
            },
            60_000,
          )
          await shows(space, member, share, wanted)
        } finally {
          await member.close()
        }
      }))
  },
  { kinds: ['couchdb'] },
)
