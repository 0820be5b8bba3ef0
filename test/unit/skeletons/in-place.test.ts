// What the daemon needs on the server, put back after others have changed it, and not after the daemon itself.
import assert from 'node:assert/strict'
import type { Couch } from '../../../src/couch/client.ts'
import type { Change } from '../../../src/couch/document.ts'
import { REGISTRY, userDatabases } from '../../../src/documents/names.ts'
import { createLogger } from '../../../src/log.ts'
import { InPlace } from '../../../src/skeletons/in-place.ts'
import { kindsOf } from '../../../src/skeletons/kinds.ts'
import { MemoryCouch } from '../../support/memory-couch.ts'
import { shippedSkeleton } from '../../support/space.ts'

const DESIGN = '_design/shares'

describe('what is in place', () => {
  let memory: MemoryCouch
  let couch: Couch
  let inPlace: InPlace
  let looks: number

  beforeEach(async () => {
    memory = new MemoryCouch()
    looks = 0
    couch = memory.client(() => {
      looks += 1
      return Promise.resolve(null)
    })
    inPlace = new InPlace({
      couch,
      skeleton: await shippedSkeleton(),
      kinds: kindsOf([], userDatabases('user/{id}')),
      log: createLogger({ level: 'silent', pretty: false }),
    })
    await inPlace.put()
  })

  /** All changes of the registry, as a follower reads them that begins at the beginning. */
  async function tellAll(): Promise<number> {
    const { results } = await couch.database(REGISTRY).changes({ since: '0', limit: 100, includeDocs: false })
    return tell(results)
  }

  /** @returns how many requests came of it */
  async function tell(changes: readonly Change[]): Promise<number> {
    const before = looks
    await inPlace.putBackAfter(REGISTRY, changes)
    return looks - before
  }

  const design = () => couch.database(REGISTRY).get(DESIGN)

  it('is not looked at again for what the daemon wrote', async () => {
    assert.equal(await tellAll(), 0)
    await inPlace.put()
    assert.equal(await tellAll(), 0)
  })

  it('is not looked at again for other documents', async () => {
    await couch.database(REGISTRY).put({ _id: 'share/a' })
    assert.equal(await tellAll(), 0)
  })

  it('is put back where somebody changed a design document, or deleted it', async () => {
    const before = await design()
    assert(before)
    for (const change of [{ views: {} }, { _deleted: true }]) {
      await couch.database(REGISTRY).put({ ...before, _rev: (await design())?._rev ?? '', ...change })
      assert.notEqual(await tellAll(), 0)
      const { _rev, ...content } = (await design()) ?? {}
      assert.deepEqual({ ...content, _rev: before._rev }, before)
      assert.equal(await tellAll(), 0, 'what was put back is no news')
    }
  })

  it('is looked at where somebody added a design document, and not once it is gone again', async () => {
    const theirs = await couch.database(REGISTRY).put({ _id: '_design/theirs' })
    assert(theirs.ok)
    assert.notEqual(await tellAll(), 0)
    assert.equal(await tellAll(), 0)
    await couch.database(REGISTRY).put({ _id: '_design/theirs', _rev: theirs.rev, _deleted: true })
    await inPlace.put()
    assert.equal(await tellAll(), 0)
  })
})
