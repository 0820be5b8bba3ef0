// What `.env` adds to the environment, and what is told of it.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EnvironmentError, readEnvironment } from '../../../src/config/environment.ts'

describe('the environment', () => {
  let folder = ''
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'couch-shares-environment-'))))
  afterEach(() => rmSync(folder, { recursive: true }))

  const read = (text: string, env: Record<string, string | undefined> = {}) => {
    writeFileSync(join(folder, '.env'), text)
    return readEnvironment(env, join(folder, '.env'))
  }

  it('is that of the process, with what the file has besides', () =>
    assert.deepEqual(read('OUTBOX=always\nCONCURRENCY=3\n', { OUTBOX: 'first-share', PATH: '/bin' }), {
      env: { OUTBOX: 'first-share', PATH: '/bin', CONCURRENCY: '3' },
      doubts: [],
    }))

  it('needs no file', () =>
    assert.deepEqual(readEnvironment({ PATH: '/bin' }, join(folder, 'none')), {
      env: { PATH: '/bin' },
      doubts: [],
    }))

  it('says which file cannot be read', () => {
    mkdirSync(join(folder, '.env'))
    assert.throws(
      () => readEnvironment({}, join(folder, '.env')),
      (error) =>
        error instanceof EnvironmentError &&
        error.message === `Expected ${join(folder, '.env')} to be a file that can be read, got EISDIR`,
    )
  })

  const cut: [string, string][] = [
    ['a password', 'HOODIE_ADMIN_PASS=open#t0psecret'],
    ['one with spaces around', '  HOODIE_ADMIN_PASS = open#t0psecret  # the admin'],
    ['one that is exported', 'export HOODIE_ADMIN_PASS=open#t0psecret'],
    ['one that begins so', 'HOODIE_ADMIN_PASS=#t0psecret'],
    ['one behind an open quote', 'HOODIE_ADMIN_PASS="open#t0psecret'],
    [
      'one between other lines',
      `# it's\r\nOUTBOX='always'\r\nHOODIE_ADMIN_PASS=open#t0psecret\r\nCONCURRENCY=3`,
    ],
  ]
  for (const [name, text] of cut)
    it(`says that a # cuts ${name}`, () => {
      const { doubts } = read(text)
      assert.equal(doubts.length, 1, doubts.join('\n'))
      assert.match(doubts[0] ?? '', /^the value of HOODIE_ADMIN_PASS in .*\.env ends before its #/)
      assert.doesNotMatch(doubts.join(), /t0psecret|open/)
    })

  const whole: [string, string][] = [
    ['in quotes', `HOODIE_ADMIN_PASS='a#b'\nHOODIE_ADMIN_USER="a#b"\nDATABASES=\`a#b\``],
    ['in quotes, with a comment', `HOODIE_ADMIN_PASS='a#b' # the admin's\nOUTBOX="always"# it is`],
    ['of a comment', 'OUTBOX=always # the default\nCONCURRENCY= # as it is\n#HOODIE_ADMIN_PASS=a#b\n'],
    ['of a variable that is none of ours', 'COLOUR=red#ff0000'],
    ['of a value that a later one replaces', 'HOODIE_ADMIN_PASS=a#b\nHOODIE_ADMIN_PASS="a#b"'],
  ]
  for (const [name, text] of whole)
    it(`says nothing of a # ${name}`, () => assert.deepEqual(read(text).doubts, []))

  it('says nothing of a value that the process has otherwise', () =>
    assert.deepEqual(read('HOODIE_ADMIN_PASS=a#b', { HOODIE_ADMIN_PASS: 'c' }).doubts, []))

  it('names what is misspelled, in the file too', () => {
    const { doubts } = read('USER_DATABASE=userdb-{id}', { LOG_LEVL: 'debug' })
    assert.deepEqual(
      doubts.map((doubt) => doubt.replace(/,.*/, '')),
      ['there is no setting LOG_LEVL', 'there is no setting USER_DATABASE'],
    )
  })
})
