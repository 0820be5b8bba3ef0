// Performs what was planned for a share, step by step.
import type { Doc } from '../couch/document.ts'
import { shareDatabase } from '../model/names.ts'
import { ADMIN_ONLY, ownerOnly } from '../model/security.ts'
import { isOurProblem, problem, type Problem } from '../model/problem.ts'
import type { ShareEffect } from '../plan/share.ts'
import { START } from '../feed/checkpoints.ts'
import { deleteCopies, refill } from './copies.ts'
import type { Deps } from './deps.ts'

/** A row of the view that maps owner hashes to users. */
interface OwnerRow {
  by: 'role' | 'name'
  name: string
}

/** `lost`: somebody else has the id now, plan again · `halted`: the rest has to wait, and the owner should read why. */
export type Performed = { kind: 'done' } | { kind: 'lost' } | { kind: 'halted'; problem: Problem }

const DONE: Performed = { kind: 'done' }

/**
 * Performs effects in their order, up to one that does not land.
 * @throws {CouchFault} where CouchDB fails; what has landed stays, and the rest is planned again
 */
export async function performShare(
  deps: Deps,
  owner: string,
  effects: readonly ShareEffect[],
): Promise<Performed> {
  for (const effect of effects) {
    const performed = await perform(deps, owner, effect)
    if (performed.kind !== 'done') return performed
  }
  return DONE
}

async function perform(deps: Deps, owner: string, effect: ShareEffect): Promise<Performed> {
  const { couch, users, registry, births, leases, log } = deps
  const outbox = couch.database(users.outbox(owner))
  const context = { db: users.database(owner), ...('share' in effect ? { share: effect.share } : {}) }
  switch (effect.kind) {
    case 'claim':
      return (await registry.claim(effect.share, owner, users.database(owner))) ? DONE : { kind: 'lost' }
    case 'change-entry':
      await registry.change(effect.share, effect.change)
      if (effect.change.state) log.info({ ...context, state: effect.change.state }, 'share')
      return DONE
    case 'create-outbox':
      await createOutbox(deps, owner)
      return DONE
    case 'create-database':
      await births.create(shareDatabase(effect.share))
      return DONE
    case 'secure':
      await births.equip(shareDatabase(effect.share), 'share', ownerOnly(owner, await namesOf(deps, owner)))
      return DONE
    case 'start-replication':
      return startReplication(deps, owner, effect.share)
    case 'stop-replication':
      await leases.stop(effect.share, owner)
      return DONE
    case 'drop-database':
      await couch.database(shareDatabase(effect.share)).drop()
      return DONE
    case 'delete-copies':
      await deleteCopies(outbox, effect.share)
      return DONE
    case 'refill':
      await refill(outbox, couch.database(shareDatabase(effect.share)), effect.share)
      log.info(context, 'share made anew')
      return DONE
    case 'scan':
      await beginScan(deps, owner, effect.share)
      return DONE
    case 'put-document':
      await writeShareDocument(deps, owner, effect.doc)
      return DONE
    case 'drop-leaf':
      await writeShareDocument(deps, owner, { _id: effect.id, _rev: effect.rev, _deleted: true })
      return DONE
    default:
      return effect satisfies never
  }
}

/** Has all objects gone through again. Reaches the disk before the state that says so: it must not be lost. */
async function beginScan({ checkpoints, users }: Deps, owner: string, share: string): Promise<void> {
  const database = users.database(owner)
  const checkpoint = (await checkpoints.read([database])).get(database) ?? START
  const shares = [...new Set([...(checkpoint.scan?.shares ?? []), share])]
  checkpoints.set(database, { ...checkpoint, scan: { since: START.since, shares } })
  await checkpoints.flush()
}

/** A conflict means that the user wrote meanwhile: that change comes by itself. */
async function writeShareDocument({ couch, users, log }: Deps, owner: string, doc: Doc): Promise<void> {
  const db = users.database(owner)
  const written = await couch.database(db).put(doc)
  const { $error } = doc
  if (written.ok && isOurProblem($error))
    log.info({ db, doc: doc._id, code: ($error as Problem).code }, 'problem reported on share')
  if (!written.ok && written.error !== 'conflict')
    log.warn({ db, doc: doc._id, code: written.error, reason: written.reason }, 'share document not updated')
}

/** Creates an owner's outbox, for the server's admins only, and has it followed. Where it is there, nothing is written. */
export async function createOutbox({ users, births, checkpoints, log }: Deps, owner: string): Promise<void> {
  const name = users.outbox(owner)
  const created = await births.create(name)
  await births.equip(name, 'outbox', ADMIN_ONLY)
  if (created) log.info({ db: name }, 'outbox created')
  if (!(await checkpoints.read([name])).has(name)) checkpoints.set(name, START)
}

/** Users whose database this is by its name, where the hash is nobody's role: roles are given by admins, names are chosen. */
async function namesOf({ couch }: Deps, owner: string): Promise<string[]> {
  const rows = await couch.database('_users').view<OwnerRow>('shares', 'owners', [owner])
  if (rows.some(({ value }) => value.by === 'role')) return []
  return rows.map(({ value }) => value.name)
}

/** A replication that does not start is a problem of the share, shown to its owner, and tried again by the watch. */
async function startReplication(
  { leases, registry, log }: Deps,
  owner: string,
  share: string,
): Promise<Performed> {
  const status = await leases.start(share, owner)
  if (status.kind === 'accepted') return DONE
  const reason = 'reason' in status ? status.reason : 'the replicator has not looked at it yet'
  const found = problem('replication_failed', reason)
  log.error({ share, state: status.kind, reason }, 'replication does not start')
  await registry.change(share, { problem: found })
  return { kind: 'halted', problem: found }
}
