// Whatever stands in the documents may be copied: the functions there let nobody write in another's name, or over another's document.
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleRules } from '../../src/functions/bundle.ts'
import { rules } from '../../src/commands/rules.ts'
import { Engine } from '../../src/functions/validation.ts'
import { SyncFunction, type Writer } from '../../src/gateways/function/sync-function.ts'
import { usage } from '../../src/commands/usage.ts'

const TOP = fileURLToPath(new URL('../../', import.meta.url))

interface Block {
  /** The file, and the line of the fence. */
  at: string
  language: string
  text: string
}

const FENCE = /^( *)```(\w+)\n([^]*?)^\1```$/gm

async function blocks(): Promise<Block[]> {
  const docs = await readdir(join(TOP, 'docs'), { recursive: true })
  const files = ['README.md', ...docs.filter((file) => file.endsWith('.md')).map((file) => `docs/${file}`)]
  const found: Block[] = []
  for (const file of files.sort()) {
    const text = await readFile(join(TOP, file), 'utf8')
    for (const { index, 2: language = '', 3: code = '' } of text.matchAll(FENCE))
      found.push({ at: `${file}:${text.slice(0, index).split('\n').length}`, language, text: code })
  }
  return found
}

const isSync = ({ language, text }: Block): boolean => language === 'js' && /^function \(doc/m.test(text)
const isRules = ({ text }: Block): boolean => text.includes("from 'couch-shares/rules'")
/** What a client does, and no function of a database: run by the tests against servers. */
const isCall = ({ language, text }: Block): boolean =>
  language === 'js' && /^(?:await db\.put\(|async function follow\(|import PouchDB )/.test(text)

type Doc = Record<string, unknown>

interface Write {
  what: string
  doc: Doc
  oldDoc: Doc | null
  by: string | null
  /** Else it is refused. */
  passes?: true
}

/** All that ann, bob and a stranger might try with a note of ann's; `by` is the attribute that says whose it is. */
function writes(by: 'owner' | 'author'): Write[] {
  const of = (name: unknown): Doc => ({ _id: 'note', title: 'Milk', [by]: name })
  const tombstone = { _id: 'note', _deleted: true }
  const anns = of('ann')
  return [
    { what: 'a note of one’s own', doc: anns, oldDoc: null, by: 'ann', passes: true },
    { what: 'a change of it', doc: { ...anns, title: 'Bread' }, oldDoc: anns, by: 'ann', passes: true },
    { what: 'its deletion', doc: tombstone, oldDoc: anns, by: 'ann', passes: true },
    { what: 'a note in another’s name', doc: anns, oldDoc: null, by: 'bob' },
    { what: 'a note in two names', doc: of(['bob', 'ann']), oldDoc: null, by: 'bob' },
    { what: 'a note in nobody’s name', doc: { _id: 'note', title: 'Milk' }, oldDoc: null, by: 'bob' },
    { what: 'a change of another’s', doc: { ...anns, title: 'Mine' }, oldDoc: anns, by: 'bob' },
    { what: 'taking another’s over', doc: of('bob'), oldDoc: anns, by: 'bob' },
    { what: 'handing one’s own to another', doc: of('bob'), oldDoc: anns, by: 'ann' },
    { what: 'a deletion of another’s', doc: tombstone, oldDoc: anns, by: 'bob' },
    {
      what: 'a deletion that says whose it is',
      doc: { ...of('bob'), _deleted: true },
      oldDoc: anns,
      by: 'bob',
    },
    { what: 'a note of who is not logged in', doc: anns, oldDoc: null, by: null },
    { what: 'a change by who is not logged in', doc: of(null), oldDoc: anns, by: null },
  ]
}

describe('the examples in the documents', () => {
  let all: Block[]
  before(async () => {
    all = await blocks()
  })

  it('are all known to a test', () => {
    const code = all.filter(({ language }) => ['js', 'ts'].includes(language))
    assert.deepEqual(
      code.filter((block) => !isSync(block) && !isRules(block) && !isCall(block)).map(({ at }) => at),
      [],
    )
    const files = (kind: (block: Block) => boolean) =>
      all.filter(kind).map(({ at }) => at.replace(/:\d+$/, ''))
    assert.deepEqual(files(isSync), [
      'docs/examples/skeleton/gateway/README.md',
      'docs/gateway.md',
      'docs/gateway.md',
    ])
    assert.deepEqual(files(isRules), ['docs/rules.md', 'docs/rules.md'])
  })

  it('have all commands of the program in one list', async () => {
    const calls = [...usage().matchAll(/^ {2}(couch-shares(?: \S+)*)/gm)].map(([, call = '']) => call)
    // A line in a table hides its bars.
    const listed = (await readFile(join(TOP, 'docs/operating.md'), 'utf8')).replaceAll('\\|', '|')
    assert(calls.length > 10)
    assert.deepEqual(
      calls.filter((call) => !listed.includes(`\`${call}\``)),
      [],
    )
  })

  it('are JSON where they say so', () => {
    for (const { at, text } of all.filter(({ language }) => language === 'json'))
      assert.doesNotThrow(() => JSON.parse(text) as unknown, at)
  })

  it('have sync functions by which everybody writes, and reads, just what is their own', async () => {
    for (const { at, text } of all.filter(isSync)) {
      const sync = await SyncFunction.compile(text)
      const evaluate = ({ doc, oldDoc, by }: Write) => {
        const writer: Writer = { name: by, roles: ['author'], channels: [], isAdmin: false }
        return sync.evaluate({ doc, oldDoc, writer, now: 0 })
      }
      for (const write of writes('owner')) {
        const verdict = evaluate(write)
        assert.equal(verdict.kind === 'accepted', write.passes === true, `${at}: ${write.what}`)
        if (verdict.kind !== 'accepted' || write.doc['_deleted']) continue
        const reads = verdict.routed.access.some(
          ({ to, channel }) => to === 'ann' && verdict.routed.channels.includes(channel),
        )
        assert(reads, `${at}: who owns a note reads it`)
        assert.deepEqual([...new Set(verdict.routed.access.map(({ to }) => to))], ['ann'], at)
      }
      sync.dispose()
    }
  })

  it('have rules by which everybody writes just what is their own', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'couch-shares-examples-'))
    try {
      const policy = join(TOP, 'docs/examples/skeleton/example/_design/example/validate_doc_update.ts')
      const files = [{ at: policy, path: policy }]
      for (const [index, { at, text }] of all.filter(isRules).entries()) {
        const path = join(folder, `${index}.ts`)
        await writeFile(path, text)
        files.push({ at, path })
      }
      for (const { at, path } of files) {
        const engine = new Engine(await bundleRules(path))
        const verdict = (doc: Doc, oldDoc: Doc | null, name: string | null, roles: string[] = []) =>
          engine.call([doc, oldDoc, { db: 'notes', name, roles }, {}]).verdict
        for (const { what, doc, oldDoc, by, passes } of writes('author')) {
          // What the language asks of who writes: see docs/rules.md.
          const signed = { ...doc, updated_by: by, ...(oldDoc && { _rev: '2-b' }) }
          const before = oldDoc && { ...oldDoc, updated_by: 'ann', _rev: '2-b' }
          assert.equal(verdict(signed, before, by) === 'ok', passes === true, `${at}: ${what}`)
          assert.equal(verdict(signed, before, 'admin', ['_admin']), 'ok', `${at}: ${what}, by an admin`)
        }
        const history = { start: 2, ids: ['b', 'a'] }
        const pushed = {
          _id: 'note',
          title: 'x',
          author: 'bob',
          updated_by: 'bob',
          _rev: '2-b',
          _revisions: history,
        }
        assert.equal(verdict(pushed, null, 'bob'), 'forbidden', `${at}: a history of one’s own`)
      }
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('have cases that come out as they say', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'couch-shares-examples-'))
    try {
      const [file, cases] = [join(folder, 'validate_doc_update.ts'), join(folder, 'cases.json')]
      const here = all.filter(({ at }) => at.startsWith('docs/rules.md:'))
      await writeFile(file, here.find(isRules)?.text ?? '')
      await writeFile(cases, here.find(({ language }) => language === 'json')?.text ?? '')
      let said = ''
      assert.equal(await rules(['test', file, cases], (text) => (said += text)), 0, said)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
