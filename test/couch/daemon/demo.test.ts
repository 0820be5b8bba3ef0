// `npm run demo` as a newcomer runs it: it ends well, and shows what each step is about.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const PROJECT = fileURLToPath(new URL('../../..', import.meta.url))
const DEMO = fileURLToPath(new URL('../../../src/demo.ts', import.meta.url))

type Doc = Record<string, unknown>

/** What stands under a heading `<database> › <document>`: the document, or the words for its absence. */
type Step = Map<string, Doc | string>

interface Run {
  code: number | null
  stdout: string
  stderr: string
  ms: number
}

function runDemo(): Promise<Run> {
  const begun = performance.now()
  const child = spawn(process.execPath, ['--import=tsx', DEMO], { cwd: PROJECT })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, stdout, stderr, ms: performance.now() - begun }))
  })
}

/** The steps by title, each with the documents as the demo shows them after it. */
function readSteps(stdout: string): Map<string, Step> {
  const sections = stdout.split(/^── \d+ of \d+ ── (.+?) ─+$/m).slice(1)
  const steps = new Map<string, Step>()
  for (let at = 0; at < sections.length; at += 2) {
    const step: Step = new Map()
    const shown = sections[at + 1]?.split(/^\d+\.\d s later:$/m)[1] ?? ''
    for (const [, heading = '', body = ''] of shown.matchAll(
      /^ {3}(\S+ › .+)\n(?: {3}[^{(].*\n)+( {3}\{\n[^]*?\n {3}\}| {3}\(.+\))$/gm,
    ))
      step.set(heading, body.trim().startsWith('{') ? (JSON.parse(body) as Doc) : body.trim())
    steps.set(sections[at] ?? '', step)
  }
  return steps
}

/** A document without `_id` and `_rev`. */
function content(found: Doc | string | undefined): unknown {
  if (typeof found !== 'object') return found
  const { _id, _rev, ...rest } = found
  return rest
}

const TODO = { type: 'todo', name: 'Remember the milk', owner: 'joe@example.com' }
const EDITED = { ...TODO, name: 'Milk and honey' }
const ANNS = { type: 'todo', name: 'Buy stamps' }
const OBJECT = 'user/hash567 › todo/abc4567'
const AT_ANNS = 'user/hash890 › todo/abc4567'
const SHARE = 'user/hash567 › $share/uuid567'
const IN_OUTBOX = 'user/hash567/$shares › share/uuid567/todo/abc4567'
const IN_SHARE = 'share/uuid567 › share/uuid567/todo/abc4567'
const FORMER = `${IN_SHARE}, the revision before`
const SECURITY = 'share/uuid567 › _security'
const ENTRY = 'shares › share/uuid567'
const ANNS_ENTRY = 'shares › subscription/uuid567/hash890'
const SUBSCRIPTION = 'user/hash890 › $subscription/uuid567'
const INVITATION = 'user/hash890 › $invitation/uuid567'
const REPLICATION = '_replicator › user/hash567/$shares => share/uuid567'
const GONE = '(no such document any more)'
const UNREADABLE = '(not readable any more)'

const grants = (...roles: string[]): unknown => ({ names: [], roles })

describe('npm run demo', () => {
  let run: Run
  let steps: Map<string, Step>
  const after = (title: string): Step => {
    const step = steps.get(title)
    assert(step, `Expected a step "${title}", got ${[...steps.keys()].join(', ')}`)
    return step
  }

  before(async () => {
    run = await runDemo()
    steps = readSteps(run.stdout)
  })

  it('exits 0 within a minute and complains of nothing', () => {
    assert.deepEqual({ code: run.code, stderr: run.stderr }, { code: 0, stderr: '' })
    assert(run.ms < 60_000, `Expected less than a minute, got ${run.ms} ms`)
    assert.equal(steps.size, 11)
  })

  it('is plain text when it is piped, and shows no credentials', () => {
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(run.stdout, /\u001b/)
    assert.doesNotMatch(run.stdout, /Basic|YWRtaW4/)
  })

  it('shows the outbox, closed to all but admins', () => {
    const security = after('Joe signs up').get('user/hash567/$shares › _security') as Doc
    assert.deepEqual((security['members'] as Doc)['roles'], ['_admin'])
  })

  it('shows an active share: its document, its entry, its security and its replication', () => {
    const step = after('Joe starts a share')
    assert.deepEqual(content(step.get(SHARE)), { type: '$share', $state: 'active' })
    const { owner, state } = step.get(ENTRY) as Doc
    assert.deepEqual({ owner, state }, { owner: 'hash567', state: 'active' })
    assert.deepEqual((step.get(SECURITY) as Doc)['members'], grants('hash567'))
    assert.equal((step.get(REPLICATION) as Doc)['continuous'], true)
  })

  it('shows a copy of the whole object in outbox and share', () => {
    const step = after('Joe shares a to-do')
    assert.deepEqual(content(step.get(OBJECT)), { ...TODO, $shares: { uuid567: true } })
    assert.deepEqual(content(step.get(IN_OUTBOX)), TODO)
    assert.deepEqual(step.get(IN_SHARE), step.get(IN_OUTBOX))
  })

  it('shows copies that have only the name, and that the old revision is unreadable', () => {
    const step = after('Joe shares only its name')
    assert.deepEqual(content(step.get(OBJECT)), { ...TODO, $shares: { uuid567: ['name'] } })
    assert.deepEqual(content(step.get(IN_OUTBOX)), { name: TODO.name })
    assert.deepEqual(step.get(IN_SHARE), step.get(IN_OUTBOX))
    assert.equal(step.get(FORMER), UNREADABLE)
  })

  it('shows an invitation, and the security that is behind it', () => {
    const step = after('Joe invites Ann')
    const access = { write: ['ann'] }
    assert.deepEqual(content(step.get(SHARE)), { type: '$share', access, $state: 'active' })
    const { members, writers } = step.get(SECURITY) as Doc
    assert.deepEqual([members, writers], [grants('hash567', 'hash890'), grants('hash567', 'hash890')])
    assert.deepEqual(content(step.get(INVITATION)), {
      ...{ type: '$invitation', share: 'uuid567', owner: 'joe', access: 'write' },
    })
    assert.equal((step.get(ANNS_ENTRY) as Doc)['state'], 'invited')
    assert.equal(step.get(REPLICATION), GONE)
  })

  it('shows what a subscription brings, and that its share tells of it', () => {
    const step = after('Ann takes part')
    assert.deepEqual(content(step.get(SUBSCRIPTION)), { type: '$subscription', $state: 'active' })
    assert.deepEqual(content(step.get(AT_ANNS)), { name: TODO.name, $shares: { uuid567: true } })
    assert.deepEqual((step.get(SHARE) as Doc)['$participants'], [{ name: 'ann', access: 'write' }])
    assert.equal((step.get(ANNS_ENTRY) as Doc)['state'], 'active')
  })

  it('shows that an edit arrives, and what is not shared stays', () => {
    const step = after('Ann edits the to-do')
    assert.deepEqual(content(step.get(IN_SHARE)), { name: EDITED.name })
    assert.deepEqual(content(step.get(OBJECT)), { ...EDITED, $shares: { uuid567: ['name'] } })
  })

  it('shows that a new object of hers arrives', () => {
    const step = after('Ann adds one')
    assert.deepEqual(content(step.get('share/uuid567 › share/uuid567/todo/def8901')), ANNS)
    const found = content(step.get('user/hash567 › todo/def8901'))
    assert.deepEqual(found, { ...ANNS, $shares: { uuid567: true } })
  })

  it('shows the object without `$shares`, and no copy', () => {
    const step = after('Joe takes his to-do out of the share')
    assert.deepEqual(content(step.get(OBJECT)), EDITED)
    assert.equal(step.get(IN_SHARE), GONE)
    assert.equal(step.get(FORMER), UNREADABLE)
    assert.equal(step.get(AT_ANNS), GONE)
  })

  it('shows a subscription that is over, and what both keep', () => {
    const step = after('Ann loses access')
    assert.deepEqual((step.get(SECURITY) as Doc)['members'], grants('hash567'))
    assert.deepEqual(content(step.get(SUBSCRIPTION)), {
      ...{ type: '$subscription', $state: 'ended', $reason: 'You may no longer read this share.' },
    })
    assert.equal(step.get(INVITATION), GONE)
    assert.deepEqual(content(step.get('user/hash890 › todo/def8901')), ANNS)
    const { name } = step.get('user/hash567 › todo/def8901') as Doc
    assert.equal(name, ANNS.name)
    assert.equal((step.get(ANNS_ENTRY) as Doc)['state'], 'ended')
  })

  it('shows what is left of a share: the entry that keeps its id', () => {
    const step = after('Joe ends the share')
    assert.equal(step.get(SHARE), GONE)
    assert.equal(step.get(SECURITY), '(no such database any more)')
    assert.equal((step.get(ENTRY) as Doc)['state'], 'ended')
    assert.deepEqual(content(step.get(OBJECT)), EDITED)
    assert.deepEqual(content(step.get('user/hash567 › todo/def8901')), ANNS)
  })
})
