// `couch-shares rules test`: what it prints, and which exit code it gives.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BundleError, bundleRules, sizeOf } from '../../../src/functions/bundle.ts'
import { UsageError } from '../../../src/commands/command.ts'
import { CasesError } from '../../../src/commands/rules-cases.ts'
import { rules } from '../../../src/commands/rules.ts'

const RULES = `import { rules } from 'couch-shares/rules'
export default rules(({ enforceLoggedIn, required, doc, isOwner, unchanged, may, db, forbidden }) => {
  enforceLoggedIn()
  required('type')
  unchanged('type')
  if (doc.type === 'loop') for (;;);
  if (doc.type === 'bug') (undefined as unknown as { x: 1 }).x
  if (doc.type === 'mine' && !isOwner) forbidden('Not yours.')
  if (doc.type === 'role' && !may(db)) forbidden('No role.')
})
`

describe('commands/rules test', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'couch-shares-rules-'))
    await writeFile(join(folder, 'rules.ts'), RULES)
  })
  afterEach(() => rm(folder, { recursive: true }))

  it('names what is misspelled as the file does', async () => {
    for (const [text, said] of [
      ['rules(({ enforceLogedIn }) => enforceLogedIn())', 'TypeError: enforceLogedIn is not a function'],
      [
        'rules((context) => {\n  const { forbidden } = context\n  if (context.isAdmn()) forbidden("x")\n})',
        'TypeError: context.isAdmn is not a function',
      ],
    ] as const) {
      await writeFile(
        join(folder, 'rules.ts'),
        `import { rules } from 'couch-shares/rules'\nexport default ${text}\n`,
      )
      const { code, rows } = await run([{ name: 'any', doc: { _id: 'a' }, verdict: 'ok' }])
      assert.equal(code, 1)
      assert.equal(rows[0]?.[2], `error: ${said}`)
    }
  })

  /** Runs the command on cases. @returns the exit code, and what was printed without the table's lines */
  async function run(cases: unknown): Promise<{ code: number; rows: string[][]; end: string }> {
    await writeFile(join(folder, 'cases.json'), typeof cases === 'string' ? cases : JSON.stringify(cases))
    let out = ''
    const code = await rules(
      ['test', join(folder, 'rules.ts'), join(folder, 'cases.json')],
      (text) => void (out += text),
    )
    const rows = out
      .split('\n')
      .filter((line) => line.startsWith('│'))
      .map((line) =>
        line
          .split('│')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      )
    return { code, rows: rows.slice(1), end: out.trimEnd().split('\n').at(-1) ?? '' }
  }

  it('succeeds where all cases come out as expected', async () => {
    const { code, rows, end } = await run([
      { name: 'anonymous', doc: { _id: 'a' }, verdict: 'unauthorized', message: 'Not logged in.' },
      { name: 'any message', doc: { _id: 'a' }, user: { name: 'ann' }, verdict: 'forbidden' },
      { name: 'ok', doc: { _id: 'a', type: 'x' }, user: { name: 'ann' }, verdict: 'ok' },
      {
        name: 'owner',
        doc: { _id: 'a', type: 'mine' },
        user: { name: 'ann' },
        security: { members: { names: ['ann'] } },
        verdict: 'ok',
      },
      {
        name: 'old',
        doc: { _id: 'a', type: 'x' },
        oldDoc: { _id: 'a', type: 'y' },
        user: { name: 'ann', roles: [], db: 'd' },
        verdict: 'forbidden',
        message: 'Field `type` was modified.',
      },
      {
        name: 'role',
        doc: { _id: 'a', type: 'role' },
        user: { name: 'ann', roles: ['d'], db: 'd' },
        verdict: 'ok',
      },
    ])
    assert.equal(code, 0)
    assert.deepEqual(rows, [
      ['anonymous', 'unauthorized: Not logged in.', 'unauthorized: Not logged in.', '✓'],
      ['any message', 'forbidden', 'forbidden: Field `type` is required.', '✓'],
      ['ok', 'ok', 'ok', '✓'],
      ['owner', 'ok', 'ok', '✓'],
      ['old', 'forbidden: Field `type` was modified.', 'forbidden: Field `type` was modified.', '✓'],
      ['role', 'ok', 'ok', '✓'],
    ])
    const bytes = sizeOf(await bundleRules(join(folder, 'rules.ts')))
    assert.equal(end, `6 of 6 as expected; the bundle has ${bytes} bytes`)
  })

  it('fails where one does not: verdict, message, exception, endless loop', async () => {
    const user = { name: 'ann' }
    const { code, rows, end } = await run([
      { name: 'verdict', doc: { _id: 'a' }, user, verdict: 'ok' },
      { name: 'message', doc: { _id: 'a' }, user, verdict: 'forbidden', message: 'No.' },
      { name: 'message of ok', doc: { _id: 'a', type: 'x' }, user, verdict: 'ok', message: 'Yes.' },
      { name: 'bug', doc: { _id: 'a', type: 'bug' }, user, verdict: 'forbidden' },
      { name: 'loop', doc: { _id: 'a', type: 'loop' }, user, verdict: 'forbidden' },
      { name: 'good', doc: { _id: 'a', type: 'x' }, user, verdict: 'ok' },
    ])
    assert.equal(code, 1)
    assert.deepEqual(
      rows.map(([name, , , mark]) => [name, mark]),
      [
        ['verdict', '✗'],
        ['message', '✗'],
        ['message of ok', '✗'],
        ['bug', '✗'],
        ['loop', '✗'],
        ['good', '✓'],
      ],
    )
    assert.match(rows[3]?.[2] ?? '', /^error: TypeError: /)
    assert.match(rows[4]?.[2] ?? '', /^error: .*timed out/)
    assert.match(end, /^1 of 6 as expected/)
  })

  const good = { name: 'a', doc: {}, verdict: 'ok' }
  const malformed: [name: string, cases: unknown, message: RegExp][] = [
    ['no JSON', '[', /expected JSON/],
    ['no array', {}, /expected an array of at least one case/],
    ['no case', [], /expected an array of at least one case/],
    ['no verdict', [good, { name: 'b', doc: {} }], /case 2 "b": `verdict` /],
    ['another verdict', [{ ...good, verdict: 'no' }], /case 1 "a": `verdict` /],
    ['a document that is none', [{ ...good, doc: [] }], /case 1 "a": `doc` expected an object/],
    ['a slip in a name', [{ ...good, olddoc: {} }], /case 1 "a": .*olddoc/],
    ['roles that are none', [{ ...good, user: { name: 'a', roles: 'x' } }], /case 1 "a": `user\.roles` /],
    ['a case that is none', [good, null], /case 2: /],
  ]
  for (const [name, cases, message] of malformed)
    it(`names the entry at fault: ${name}`, async () => {
      await assert.rejects(run(cases), (error) => {
        assert.ok(error instanceof CasesError, String(error))
        assert.match(error.message, message)
        assert.ok(error.message.startsWith(join(folder, 'cases.json')))
        return true
      })
    })

  it('says which file cannot be read', async () => {
    const [there, nowhere] = [join(folder, 'rules.ts'), join(folder, 'nowhere')]
    await assert.rejects(rules(['test', there, nowhere]), (error) => {
      assert.ok(error instanceof CasesError)
      assert.match(error.message, /nowhere: .*ENOENT/)
      return true
    })
    await writeFile(join(folder, 'cases.json'), JSON.stringify([good]))
    await assert.rejects(rules(['test', nowhere, join(folder, 'cases.json')]), (error) => {
      assert.ok(error instanceof BundleError)
      assert.match(error.message, /nowhere: .*ENOENT/)
      return true
    })
  })

  for (const args of [
    [],
    ['test'],
    ['test', 'a'],
    ['test', 'a', 'b', 'c'],
    ['tset', 'a', 'b'],
    ['test', '--x', 'a'],
  ])
    it(`says how it is used: ${args.join(' ')}`, () => assert.rejects(rules(args), UsageError))
})
