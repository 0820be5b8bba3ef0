// `couch-shares install`: what a daemon's start puts in place, without a daemon; and `couch-shares check` for programs.
import assert from 'node:assert/strict'
import { check } from '../../../src/commands/check.ts'
import { EXIT } from '../../../src/commands/exit-codes.ts'
import { SIGNS, type Finding } from '../../../src/commands/finding.ts'
import { install } from '../../../src/commands/install.ts'
import { REGISTRY } from '../../../src/documents/names.ts'
import { LAYOUT_ID } from '../../../src/engine/layout.ts'
import { settingsFor } from '../../support/program.ts'
import type { Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'

const NAMES = [REGISTRY, '_replicator', 'skeleton/share']

async function run(space: Space): Promise<string> {
  let said = ''
  const env = { ...settingsFor(space.server), USER_DATABASES: `${space.prefix}{id}` }
  assert.equal(await install(env, { print: (text) => void (said += text) }), EXIT.ok)
  return said
}

const designsIn = async (space: Space): Promise<[string, (string | null)[]][]> =>
  Promise.all(
    NAMES.map(async (name): Promise<[string, (string | null)[]]> => {
      const rows = await space.couch.database(name).range({ startKey: '_design/', endKey: '_design0' })
      return [name, rows.map(({ id, rev }) => `${id} ${rev}`)]
    }),
  )

onEachServer('couch-shares check --json', ({ it }) => {
  it('says for programs what it says for people', async (space) => {
    const env = { ...settingsFor(space.server), USER_DATABASES: `${space.prefix}{id}` }
    const said = { json: '', text: '' }
    const doubts = ['something is spelled wrongly']
    const code = await check(env, (text) => void (said.json += text), { doubts, isJson: true })
    assert.equal(await check(env, (text) => void (said.text += text), { doubts }), code)
    const findings = JSON.parse(said.json) as Finding[]
    assert.deepEqual(findings[0], { level: 'note', text: doubts[0] })
    const lines = findings.map(({ level, text }) => `${SIGNS[level]} ${text}\n`)
    assert.equal(lines.join(''), said.text)
  })
})

onEachServer('couch-shares install', ({ it }) => {
  it('puts in place what a daemon needs, changes nothing the second time, and leaves nothing for the daemon to do', async (space) => {
    assert.equal(await run(space), `What couch-shares needs is in place at ${space.server.url}.\n`)
    const there = await designsIn(space)
    for (const [name, designs] of there) assert.notEqual(designs.length, 0, name)
    const layout = await space.couch.database(REGISTRY).get(LAYOUT_ID)
    assert.notEqual(layout, null)
    await run(space)
    assert.deepEqual(await designsIn(space), there)
    await space.start()
    assert.deepEqual(await designsIn(space), there)
    assert.deepEqual(await space.couch.database(REGISTRY).get(LAYOUT_ID), layout)
  })
})
