// How long a changed skeleton takes to reach many databases, against plain PUTs of the same documents to as many.
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CHECKPOINTS, SKELETON_PREFIX } from '../../src/documents/names.ts'
import { marked } from '../../src/skeletons/design.ts'
import type { RolloutProgress } from '../../src/skeletons/rollout-record.ts'
import { DaemonProcess } from './daemon.ts'
import { inParallel, type Ground } from './ground.ts'
import type { BenchOptions } from './options.ts'
import { toRow, type Findings, type Pair } from './report.ts'
import type { StageProfile } from './stage-profile.ts'

const SKELETON = fileURLToPath(new URL('../../skeleton', import.meta.url))
const DESIGN = '_design/guard'

export async function benchRollout(
  ground: Ground,
  { quick, profile, size }: BenchOptions,
): Promise<Findings> {
  const count = size ?? (quick ? 50 : 1_000)
  const rounds = quick ? 1 : 5
  const kind = ground.prefix.slice(0, -1)
  const folder = await mkdtemp(join(tmpdir(), 'couch-shares-bench-'))
  const names = (part: string): string[] =>
    Array.from({ length: count }, (_, at) => ground.plain(`${part}/${at}`).name)
  const [ruled, plain] = [names('ruled'), names('plain')]
  const profiles: StageProfile[] = []
  try {
    await cp(SKELETON, folder, { recursive: true })
    await mkdir(join(folder, kind, '_design', 'guard'), { recursive: true })
    const { _id, couch_shares: _mark, ...attributes } = guard(0)
    await writeFile(
      join(folder, kind, '_design', 'guard', 'validate_doc_update.js'),
      attributes.validate_doc_update,
    )
    await writeFile(join(folder, kind, '_security.json'), JSON.stringify({ admins: {}, members: {} }))
    ground.say(`rollout: ${2 * count} databases`)
    await inParallel([...ruled, ...plain], (name) => ground.couch.database(name).create())
    const revisions = new Map<string, string>()
    await inParallel(plain, async (name) =>
      revisions.set(name, await ground.put(ground.couch.database(name), guard(0))),
    )
    const daemon = await DaemonProcess.start(ground, {
      profile,
      env: { SKELETON: folder, DATABASES: `${ground.plain('ruled/*').name}=${kind}` },
    })
    try {
      await ground.until('the first rollout is done', () => isDone(ground, kind, null, count))
      const pairs: Pair[] = []
      for (let round = 1; round <= rounds; round += 1) {
        ground.say(`rollout: round ${round} of ${rounds}`)
        const runs = {
          subject: () => rollOut(ground, kind, guard(round), count),
          baseline: () => putAll(ground, plain, guard(round), revisions),
        }
        if (profile && round === rounds) await daemon.profile(ground)
        // Who is first changes from round to round.
        const pair: Pair = { subject: NaN, baseline: NaN }
        for (const side of round % 2 === 0
          ? (['subject', 'baseline'] as const)
          : (['baseline', 'subject'] as const))
          pair[side] = await runs[side]()
        pairs.push(pair)
      }
      if (profile) profiles.push({ name: 'rollout', ...(await daemon.profile(ground)) })
      const against = 'plain PUTs of the same document, as many at once'
      return {
        rows: [toRow(`a skeleton's change to ${count.toLocaleString('en')} databases`, 'ms', against, pairs)],
        profiles,
      }
    } finally {
      await daemon.stop()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
    await ground.couch.database(SKELETON_PREFIX + kind).drop()
    await forget(ground, [`rollout ${ground.users.template}`])
  }
}

/** What is rolled out: a validation function as policies have it. */
const guard = (round: number) =>
  marked({
    _id: DESIGN,
    language: 'javascript',
    validate_doc_update: `(function (newDoc, oldDoc, userCtx) { if (userCtx.name === null) throw { unauthorized: 'Log in, ${round}.' } })`,
  }) as ReturnType<typeof marked> & { validate_doc_update: string }

/** From the change of the skeleton, as an admin writes it, until the daemon says that all databases have it. */
async function rollOut(
  ground: Ground,
  kind: string,
  document: ReturnType<typeof guard>,
  count: number,
): Promise<number> {
  const kept = ground.couch.database(SKELETON_PREFIX + kind)
  const there = await kept.get(DESIGN)
  const before = (await progressOf(ground, kind))?.hash ?? ''
  const begun = performance.now()
  await ground.put(kept, { ...document, ...(there ? { _rev: there._rev } : {}) })
  await ground.until('the rollout is done', () => isDone(ground, kind, before, count))
  return performance.now() - begun
}

async function putAll(
  ground: Ground,
  names: readonly string[],
  document: ReturnType<typeof guard>,
  revisions: Map<string, string>,
): Promise<number> {
  const begun = performance.now()
  await inParallel(names, async (name) => {
    const { rev } = await ground.couch.request<{ rev: string }>({
      method: 'PUT',
      path: [name, DESIGN],
      body: { ...document, _rev: revisions.get(name) },
    })
    revisions.set(name, rev)
  })
  return performance.now() - begun
}

async function progressOf(ground: Ground, kind: string): Promise<RolloutProgress | null> {
  const doc = await ground.couch.database(CHECKPOINTS).get(`rollout ${ground.users.template}`)
  return (doc?.['kinds'] as Record<string, RolloutProgress> | undefined)?.[kind] ?? null
}

async function isDone(ground: Ground, kind: string, before: string | null, count: number): Promise<boolean> {
  const progress = await progressOf(ground, kind)
  if (!progress?.isDone || progress.hash === before) return false
  // Some had been looked at once more after the round before, and were given the new document then.
  if (progress.changed + progress.skipped !== count)
    throw new Error(`Expected the rollout to reach ${count} databases, got ${JSON.stringify(progress)}`)
  return true
}

async function forget({ couch }: Ground, ids: string[]): Promise<void> {
  const checkpoints = couch.database(CHECKPOINTS)
  const rows = await checkpoints.fetch(ids)
  await checkpoints.bulk(
    rows.flatMap(({ doc }) => (doc ? [{ _id: doc._id, _rev: doc._rev, _deleted: true }] : [])),
  )
}
