// A user of a gateway while something is granted to a role at the same moment: one of both sees the other.
import assert from 'node:assert/strict'
import { Checkpoints } from '../../../src/engine/checkpoints.ts'
import { createLogger } from '../../../src/log.ts'
import { routeId, type GatewayUser, type GatewayUserChange, type Route } from '../../../src/gateways/model.ts'
import { reconcileAccount } from '../../../src/gateways/reconcile-account.ts'
import { AccountIndex } from '../../../src/users/account-index.ts'
import { OwnWrites } from '../../../src/engine/own-writes.ts'
import { Routes } from '../../../src/gateways/routes.ts'
import { GatewayGround } from '../../support/gateway.ts'
import { onEachServer } from '../../support/suites.ts'

const SOURCE = 'function (doc) { channel(doc.lists) }'

const GRANT: Route = {
  _id: routeId('grant'),
  type: 'route',
  rev: '1-a',
  channels: [],
  access: [{ to: 'role:editor', channel: 'notes' }],
  roles: [],
  expiry: null,
}

/** A document grants something, and its router finds nobody who has the role, just before the entry is written. */
class SlowRoutes extends Routes {
  isGranted = false

  override async change(over: GatewayUser, change: GatewayUserChange): Promise<GatewayUser> {
    if (!this.isGranted) await this.put([GRANT])
    this.isGranted = true
    return super.change(over, change)
  }
}

onEachServer('a new user of a gateway', ({ it }) => {
  it('has what was granted to a role before anybody could know of the user', (space) =>
    GatewayGround.use(space, SOURCE, async (ground) => {
      // Whose database makes the gateway's.
      const [ann, bob] = [ground.user('ann'), ground.user('bob')]
      await ann.signUp()
      await space.start()
      await ann.isIn()
      await space.stop()
      await bob.signUp(['editor'])
      const { couch, config } = space
      const [gateway] = space.gateways
      assert(gateway)
      const deps = {
        ...{ couch, gateway, users: config.userDatabases, graceMs: 0, now: Date.now },
        accounts: new AccountIndex(couch),
        routes: new SlowRoutes(couch, ground.name, Date.now),
        checkpoints: new Checkpoints(couch),
        ownWrites: new OwnWrites(),
        log: createLogger({ level: 'silent', pretty: false }),
        mark: () => undefined,
      }
      const { holdings } = await reconcileAccount(deps, bob.name, null)
      const expected = { roles: ['editor'], channels: ['notes'] }
      assert.deepEqual(holdings, { channels: expected.channels, roles: expected.roles })
      const { roles, channels } = (await deps.routes.user(bob.name)) ?? {}
      assert.deepEqual({ roles, channels }, expected)
      await couch.database(bob.database.name).drop()
    }))
})
