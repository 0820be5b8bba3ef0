// Who has a name now: the account that had it, with another password perhaps, or somebody who signed up under it.
import assert from 'node:assert/strict'
import { markOfAccount, type AccountMark } from '../../../src/users/account.ts'
import { userDocumentId } from '../../../src/users/user-document.ts'
import { isAnotherAccount } from '../../../src/users/account-history.ts'
import { MemoryCouch } from '../../support/memory-couch.ts'

const ANN = userDocumentId('ann')

/** `_users` with ann, and how she was known before what is done then. */
function world(salt: string | null = 'a') {
  const server = new MemoryCouch()
  const users = server.create('_users')
  const couch = server.client(() => Promise.resolve(null))
  const write = (attributes: object): void => {
    const there = users.read(ANN)
    const revision = there === null ? {} : { _rev: there._rev }
    users.write({ _id: ANN, type: 'user', name: 'ann', roles: [], ...attributes, ...revision })
  }
  const credentials = (of: string | null): object =>
    of === null ? {} : { salt: of, derived_key: `key ${of}` }
  write(credentials(salt))
  const mark = (): AccountMark => {
    const there = users.read(ANN)
    assert(there)
    return markOfAccount(there)
  }
  const known = mark()
  return {
    users,
    known,
    sign: (of: string | null, more: object = {}) => write({ ...credentials(of), ...more }),
    leave: () => write({ _deleted: true }),
    isAnother: () => isAnotherAccount(couch, 'ann', known, mark()),
  }
}

describe('users/account-history', () => {
  it('knows an account that was not touched, and one with other roles', async () => {
    const { sign, isAnother } = world()
    assert.equal(await isAnother(), false)
    sign('a', { roles: ['r'] })
    assert.equal(await isAnother(), false)
  })

  it('knows it with another password, once or several times', async () => {
    const { sign, isAnother } = world()
    for (const salt of ['b', 'c', 'd']) {
      sign(salt)
      assert.equal(await isAnother(), false)
    }
  })

  it('knows it where it is back from a backup', async () => {
    const { sign, leave, isAnother } = world()
    leave()
    sign('a')
    assert.equal(await isAnother(), false)
  })

  it('takes it for another one after a deletion, whatever came before and after that', async () => {
    const { sign, leave, isAnother } = world()
    sign('b')
    leave()
    sign('c')
    sign('d')
    assert.equal(await isAnother(), true)
  })

  it('takes accounts without passwords for the same only where none was deleted', async () => {
    const { sign, leave, isAnother } = world(null)
    sign(null, { roles: ['r'] })
    assert.equal(await isAnother(), false)
    leave()
    sign(null)
    assert.equal(await isAnother(), true)
  })

  it('takes it for another one where nobody can tell: what came between is compacted away, or the history is another', async () => {
    const compacted = world()
    compacted.sign('b')
    compacted.sign('c')
    compacted.users.compact()
    assert.equal(await compacted.isAnother(), true)
    const rebuilt = world()
    rebuilt.users.purge(ANN, [rebuilt.known.rev])
    rebuilt.sign('b')
    assert.equal(await rebuilt.isAnother(), true)
  })
})
