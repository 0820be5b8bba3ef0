// What ten hostile users do, each again and again, with no more rights than users have: see docs/security.md.
import { createHash, randomBytes } from 'node:crypto'
import { shareDatabase } from '../../src/documents/names.ts'
import type { Attacker } from './attacker.ts'
import { shareDocumentId, subscriptionDocumentId } from '../../src/shares/model/ids.ts'

export interface Attack {
  name: string
  /** It ends after so many rounds, also where nobody stops it: what it leaves behind is bounded. */
  mostRounds: number
  /** One round; they are numbered from 0. */
  run: (attacker: Attacker, round: number) => Promise<void>
}

/** CouchDB's QuickJS ends at 12,000, SpiderMonkey at 50,000. */
const LEVELS = 20_000
export const NESTED = '['.repeat(LEVELS) + ']'.repeat(LEVELS)
/** A view of it takes longer than `os_process_timeout`. */
const MANY_ARRAYS = `[${'[],'.repeat(700_000)}0]`
/** Nearly as much as CouchDB takes for one document, `max_document_size`. */
const NUMBERS = `[${'1.0,'.repeat(1_750_000)}1.0]`
const NUMBER_DOCUMENTS = 8
const ATTACHMENT_BYTES = 8 * 1024 * 1024

/** So many of a kind, each made of its number. */
const many = <Item>(count: number, make: (at: number) => Item): Item[] =>
  Array.from({ length: count }, (_, at) => make(at))

const md5 = (text: string): string => createHash('md5').update(text).digest('hex')

/** The attribute of an object that is shared as a whole. */
const sharedIn = (share: string): string => `"$shares":{${JSON.stringify(share)}:true}`

export const ATTACKS: readonly Attack[] = [
  {
    name: 'nested documents in one’s own database, for a share',
    mostRounds: 1_000,
    run: async (attacker, round) => {
      const { database, share } = attacker.hostile
      await attacker.put(database, `nested/${round % 5}`, `{"nested":${NESTED},${sharedIn(share)}}`)
    },
  },
  {
    name: 'nested documents in a personal database and one of a gateway',
    mostRounds: 1_000,
    run: async (attacker, round) => {
      const { name, personal, domain, gateway } = attacker.hostile
      const content = round % 2 === 0 ? NESTED : MANY_ARRAYS
      const by = JSON.stringify(name)
      await attacker.put(
        personal,
        `number:${round % 5}@${domain}`,
        `{"updated_by":${by},"content":${content}}`,
      )
      await attacker.put(gateway, `nested-${round % 5}`, `{"owner":${by},"readers":[],"content":${content}}`)
    },
  },
  {
    name: 'documents that grant to thousands',
    mostRounds: 1_000,
    run: async (attacker, round) => {
      const { name, gateway } = attacker.hostile
      // CouchDB refuses the first; the others are nearly as many as there may be.
      for (const count of [20_000, 900]) {
        const readers = many(count, (at) => `reader-${round}-${at}`)
        await attacker.put(gateway, `grants-${count}`, JSON.stringify({ owner: name, readers }))
      }
      const rev = attacker.rev(gateway, 'grants-900')
      if (rev !== undefined) await attacker.ask('DELETE', [gateway, 'grants-900'], { query: { rev } })
    },
  },
  {
    name: 'a guest pushes 4,000 leaves of one document',
    mostRounds: 20,
    run: async (attacker, round) => {
      const { share } = attacker.hostile
      const _id = `share/${share}/leaves/${round % 3}`
      const leaves = many(4_000, (at) => {
        const ids = [md5(`${_id} ${round} ${at}`), md5(_id)]
        return { _id, _rev: `2-${ids[0]}`, _revisions: { start: 2, ids }, name: `value ${at}` }
      })
      for (let at = 0; at < leaves.length; at += 1_000)
        await attacker.pushAsGuest(shareDatabase(share), leaves.slice(at, at + 1_000), false)
    },
  },
  {
    name: 'a guest pushes 700 objects at once',
    mostRounds: 20,
    run: async (attacker, round) => {
      const { share } = attacker.hostile
      const objects = many(700, (at) => ({
        _id: `share/${share}/guest/${round}/${at}`,
        name: `number ${at}`,
      }))
      await attacker.pushAsGuest(shareDatabase(share), objects, true)
    },
  },
  {
    name: '56 MB of `1.0,` in one’s own database',
    mostRounds: 20,
    run: async (attacker, round) => {
      const { database } = attacker.hostile
      for (let at = 0; at < NUMBER_DOCUMENTS; at += 1)
        await attacker.put(database, `numbers/${at}`, `{"round":${round},"numbers":${NUMBERS}}`)
    },
  },
  {
    name: 'very many attributes, and lists of them',
    mostRounds: 200,
    run: async (attacker, round) => {
      const { database, share } = attacker.hostile
      const attributes = many(50_000, (at) => `"attribute-${at}":${round}`).join()
      const names = JSON.stringify(many(50_000, (at) => `attribute-${at}`))
      const ids = many(20_000, (at) => `"${share}-${at}":true`).join()
      await attacker.put(database, 'attributes/all', `{${sharedIn(share)},${attributes}}`)
      await attacker.put(database, 'attributes/listed', `{"$shares":{"${share}":${names}},${attributes}}`)
      await attacker.put(database, 'attributes/shares', `{"round":${round},"$shares":{${ids}}}`)
    },
  },
  {
    name: 'wrong passwords on a `$subscription`',
    mostRounds: 1_000,
    run: async (attacker, round) => {
      const { database, locked } = attacker.hostile
      for (let at = 0; at < 20; at += 1) {
        const doc = { type: '$subscription', password: `wrong ${round} ${at}` }
        await attacker.put(database, subscriptionDocumentId(locked), JSON.stringify(doc))
      }
    },
  },
  {
    name: '`$share`s whose access is malformed or huge',
    mostRounds: 1_000,
    run: async (attacker, round) => {
      const { database, share } = attacker.hostile
      const names = JSON.stringify(many(20_000, (at) => `name-${round}-${at}`))
      const accesses = [
        `{"write":${names}}`,
        NESTED,
        `{"read":{"write":${round}}}`,
        `[[${round}]]`,
        '"all"',
        '1e400',
      ]
      for (const [at, access] of accesses.entries())
        await attacker.put(
          database,
          shareDocumentId(`${share}-${at}`),
          `{"type":"$share","access":${access}}`,
        )
      await attacker.put(database, shareDocumentId('x'.repeat(1_000)), `{"type":"$share","round":${round}}`)
      // As many as there may be; each change takes out readers, for which the share is made anew.
      const most = many(1_000, (at) => `name-${round}-${at}`)
      const access = JSON.stringify({ read: most })
      await attacker.put(database, shareDocumentId(share), `{"type":"$share","access":${access}}`)
    },
  },
  {
    name: 'large attachments, under long ids',
    mostRounds: 30,
    run: async (attacker, round) => {
      const { database, share } = attacker.hostile
      const id = `attachments/${'x'.repeat(round % 2 === 0 ? 2_000 : 10)}/${round % 6}`
      await attacker.put(database, id, `{"round":${round},${sharedIn(share)}}`)
      const rev = attacker.rev(database, id)
      if (rev === undefined) return
      const body = randomBytes(ATTACHMENT_BYTES)
      const contentType = 'application/octet-stream'
      await attacker.ask('PUT', [database, id, 'file'], { body, contentType, query: { rev } })
    },
  },
]
