// Leaves with attachments go from one database into another, and of these only what the other one lacks.
import assert from 'node:assert/strict'
import { writeLeaves, type Bringing } from '../../../src/couch/bring-leaves.ts'
import { writeBulk } from '../../../src/couch/bulk.ts'
import type { Database } from '../../../src/couch/database.ts'
import type { Attachment, StoredDoc, Written } from '../../../src/couch/document.ts'
import type { Leaf } from '../../../src/documents/revisions.ts'
import { COMPRESSED } from '../../support/memory-attachments.ts'
import { MemoryCouch } from '../../support/memory-couch.ts'

const ID = 'a'
const piece = (text: string, content_type = 'image/png'): Attachment => ({
  content_type,
  data: Buffer.from(text).toString('base64'),
})
const SMALL = { small: piece('small') }
/** Goes as a stream. */
const LARGE = { large: piece('large', COMPRESSED) }

class Stage {
  readonly couch = new MemoryCouch()
  readonly from = this.couch.create('from')
  readonly to = this.couch.create('to')
  readonly #requests: string[] = []

  constructor() {
    this.couch.onRequest = (request) => void this.#requests.push(request)
  }

  /** Writes an edit; stubs say that an attachment stays. @returns the requests that bring it over */
  async edited(attachments: Record<string, Attachment>, bringing?: Bringing): Promise<string[]> {
    const before = this.from.read(ID)
    this.from.write({
      ...{ _id: ID, n: Number(before?.['n'] ?? 0) + 1, _attachments: attachments },
      ...(before ? { _rev: before._rev } : {}),
    })
    return this.bring(bringing)
  }

  async bring(bringing?: Bringing): Promise<string[]> {
    const [from, to] = ['from', 'to'].map((name) => this.couch.database(name) as Database)
    if (!from || !to) return []
    const leaves = (await from.leaves([{ id: ID }])) as Leaf[]
    this.#requests.length = 0
    assert.deepEqual(await writeLeaves(from, to, leaves, bringing), [])
    return [...this.#requests]
  }

  /** Attachments of the winner that stay as they are. */
  stays(...names: string[]): Record<string, Attachment> {
    return Object.fromEntries(names.map((name) => [name, { stub: true }]))
  }

  arrived(): void {
    assert.deepEqual(this.to.leaves(ID), this.from.leaves(ID))
  }
}

describe('couch/bring-leaves', () => {
  it('brings small attachments inside their documents, and large ones as streams', async () => {
    const small = new Stage()
    assert.deepEqual(await small.edited(SMALL), ['from leaves', 'from leaves', 'to bulk'])
    small.arrived()
    const large = new Stage()
    assert.deepEqual(await large.edited(LARGE), ['from leaves', 'to putFlow', 'from flow'])
    large.arrived()
  })

  it('reads nothing of what did not change since a revision that is there', async () => {
    const stage = new Stage()
    await stage.edited({ ...SMALL, ...LARGE })
    assert.deepEqual(await stage.edited(stage.stays('small', 'large')), ['to fetchIfThere', 'to bulk'])
    stage.arrived()
    // The one before was not brought.
    stage.from.write({ ...(stage.from.read(ID) as StoredDoc), n: 10 })
    assert.deepEqual(await stage.edited(stage.stays('large')), ['to fetchIfThere', 'to bulk'])
    stage.arrived()
  })

  it('reads what is new alone', async () => {
    const stage = new Stage()
    await stage.edited(LARGE)
    assert.ok(
      (await stage.edited({ ...stage.stays('large'), constructor: piece('new') })).includes('from leaves'),
    )
    const requests = await stage.edited({ ...stage.stays('large', 'constructor'), ...SMALL })
    assert.ok(!requests.includes('from flow'), requests.join(', '))
    stage.arrived()
    await stage.edited({ ...stage.stays('small'), large: piece('larger', COMPRESSED) })
    stage.arrived()
  })

  it('sends all of it where what it rests on goes meanwhile', async () => {
    const stage = new Stage()
    await stage.edited(LARGE)
    stage.from.write({ ...(stage.from.read(ID) as StoredDoc), n: 2 })
    const write = (to: Database, docs: StoredDoc[]): Promise<Written[]> => {
      if (docs.length > 0) stage.to.purge(ID, [stage.to.read(ID)?._rev ?? ''])
      return writeBulk(to, docs, { newEdits: false })
    }
    await stage.bring({ write })
    stage.arrived()
  })

  it('sends all of it where another attachment stands there under the same revision', async () => {
    const stage = new Stage()
    await stage.edited(LARGE)
    const [leaf] = stage.from.leaves(ID)
    stage.to.purge(ID, [leaf?._rev ?? ''])
    stage.to.merge({ ...(leaf as StoredDoc), _attachments: { large: piece('other', COMPRESSED) } })
    await stage.edited(stage.stays('large'))
    assert.deepEqual(stage.to.read(ID), stage.from.read(ID))
  })

  it('leaves out those of which too much is lacking, and counts nothing else', async () => {
    const stage = new Stage()
    const bringing = { mostBytes: 5 }
    await stage.edited({ large: piece('123456', COMPRESSED) }, bringing)
    assert.equal(stage.to.read(ID), null)
    await stage.bring()
    await stage.edited({ ...stage.stays('large'), ...SMALL }, bringing)
    stage.arrived()
  })
})
