// The attacks that docs/security.md lists are numbered one after the other, and each names a test that there is.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'

interface Attack {
  number: number
  /** What tries it: a title, or the part of one that is the same in several cases. */
  tests: { file: string; title: string }[]
}

const HEADING = /^## What was tried\n/m

/** The items of the list. A title belongs to the file that was named last before it. */
function attacksIn(text: string): Attack[] {
  const [, behind = ''] = text.split(HEADING)
  const [list = ''] = behind.split(/^## /m)
  const attacks: Attack[] = []
  let file = ''
  for (const line of list.split('\n')) {
    const [, number] = /^(\d+)\. /.exec(line) ?? []
    if (number !== undefined) attacks.push({ number: Number(number), tests: [] })
    for (const [, named, title] of line.matchAll(/`(test\/[^`]+\.test\.ts)`|“([^”]+)”/g)) {
      file = named ?? file
      if (title !== undefined) attacks.at(-1)?.tests.push({ file, title })
    }
  }
  return attacks
}

describe('the attacks in docs/security.md', () => {
  const attacks = attacksIn(readFileSync('docs/security.md', 'utf8'))

  it('are numbered one after the other', () => {
    assert(attacks.length >= 100, `Expected to find them, got ${attacks.length}`)
    assert.deepEqual(
      attacks.map(({ number }) => number),
      attacks.map((_, at) => at + 1),
    )
  })

  it('are each tried by a test that is there, under that title', () => {
    const sources = new Map<string, string>()
    const sourceOf = (file: string): string => {
      const source = sources.get(file) ?? (existsSync(file) ? readFileSync(file, 'utf8') : '')
      sources.set(file, source)
      // As it is read, whichever quotation marks it stands in.
      return source.replaceAll("\\'", "'").replaceAll('\\`', '`')
    }
    assert.deepEqual(
      attacks.filter(({ tests }) => tests.length === 0).map(({ number }) => number),
      [],
    )
    assert.deepEqual(
      attacks.flatMap(({ number, tests }) =>
        tests
          .filter(({ file, title }) => !sourceOf(file).includes(title))
          .map(({ file, title }) => `${number}: ${file}: ${title}`),
      ),
      [],
    )
  })

  it('are all that users try at masters and gateways', () => {
    const listed = new Set(
      attacks.flatMap(({ tests }) => tests.map(({ file, title }) => `${file}: ${title}`)),
    )
    for (const file of ['test/couch/provisioning/attacks.test.ts', 'test/couch/gateways/attacks.test.ts']) {
      const titles = [...readFileSync(file, 'utf8').matchAll(/\bway\(\s*(['"])(\d+: .+?)\1,/g)]
      assert(titles.length > 10)
      for (const [, , title = ''] of titles) assert(listed.has(`${file}: ${title}`), `Expected ${title}`)
    }
  })

  it('would be missed', () => {
    const text =
      '## What was tried\n\n1. **A.** B. `test/a.test.ts`: “one”, “two”\n2. “three”\n\n## Next\n3. “four”\n'
    assert.deepEqual(attacksIn(text), [
      {
        number: 1,
        tests: [
          { file: 'test/a.test.ts', title: 'one' },
          { file: 'test/a.test.ts', title: 'two' },
        ],
      },
      { number: 2, tests: [{ file: 'test/a.test.ts', title: 'three' }] },
    ])
  })
})
